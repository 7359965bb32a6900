// Package notify tells people and routers about alerts: Prometheus
// Alertmanager, a signed webhook, Slack. Targets come from the configuration
// file only, never from the API, so that nobody can point Phaseline at an
// address of their choice.
package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	timeout = 10 * time.Second // of one attempt
	tries   = 4
)

// client never follows a redirect: a target that moved is an error that its
// operator should see, and a redirect could lead to an inside address.
var client = &http.Client{
	Timeout:       timeout,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// post sends one JSON body, retrying with back-off what another attempt may mend.
func post(ctx context.Context, url string, body any, sign func(http.Header, []byte)) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode notification: %w", err)
	}
	attempt := func() (struct{}, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(encoded))
		if err != nil {
			return struct{}{}, backoff.Permanent(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("User-Agent", "phaseline")
		if sign != nil {
			sign(request.Header, encoded)
		}
		response, err := client.Do(request)
		if err != nil {
			return struct{}{}, withoutURL(err)
		}
		defer response.Body.Close()
		reason, _ := io.ReadAll(io.LimitReader(response.Body, 200))
		switch {
		case response.StatusCode < 300:
			return struct{}{}, nil
		case response.StatusCode == http.StatusTooManyRequests, response.StatusCode >= 500:
			return struct{}{}, fmt.Errorf("answered %s: %q", response.Status, reason)
		}
		return struct{}{}, backoff.Permanent(fmt.Errorf("answered %s: %q", response.Status, reason))
	}
	_, err = backoff.Retry(ctx, attempt, backoff.WithMaxTries(tries), backoff.WithBackOff(backoff.NewExponentialBackOff()))
	return err
}

// withoutURL drops the address from a transport error: webhook addresses carry secrets.
func withoutURL(err error) error {
	var wrapped interface{ Unwrap() error }
	if errors.As(err, &wrapped) {
		return wrapped.Unwrap()
	}
	return err
}
