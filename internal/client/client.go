// Package client asks a Phaseline server through its REST API, and shows the
// answers as text.
package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultServer is where a Phaseline on this machine serves its API.
const DefaultServer = "http://127.0.0.1:8321"

// timeout is longer than the server lets a question take.
const timeout = 30 * time.Second

// answerLimit is the most bytes that an answer may have.
const answerLimit = 256 << 20

// Client asks one server.
type Client struct {
	Server string // base address, for example http://127.0.0.1:8321
	Token  string // bearer token; empty where none is configured
}

// Get asks for a path under /api/v1 and copies the answer to w as the server
// sends it.
func (c Client) Get(ctx context.Context, path string, parameters url.Values, w io.Writer) error {
	body, err := c.open(ctx, path, parameters)
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(w, io.LimitReader(body, answerLimit))
	return err
}

// Ask asks for a path under /api/v1 and decodes the answer.
func (c Client) Ask(ctx context.Context, path string, parameters url.Values, answer any) error {
	body, err := c.open(ctx, path, parameters)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := json.NewDecoder(io.LimitReader(body, answerLimit)).Decode(answer); err != nil {
		return fmt.Errorf("%s does not answer like a Phaseline server: %w", c.Server, err)
	}
	return nil
}

func (c Client) open(ctx context.Context, path string, parameters url.Values) (io.ReadCloser, error) {
	base, err := url.Parse(c.Server)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("%q is no address of a server: write for example %s", c.Server, DefaultServer)
	}
	base = base.JoinPath("api", "v1", path)
	base.RawQuery = parameters.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base.String(), nil)
	if err != nil {
		return nil, err
	}
	if c.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.Token)
	}
	response, err := (&http.Client{Timeout: timeout}).Do(request)
	if err != nil {
		var known *url.Error
		if errors.As(err, &known) && ctx.Err() == nil {
			return nil, fmt.Errorf("no Phaseline server answers at %s (%w): start it with phaseline, or name another with --server", c.Server, known.Err)
		}
		return nil, err
	}
	if response.StatusCode == http.StatusOK {
		return response.Body, nil
	}
	defer response.Body.Close()
	return nil, problem(response)
}

// problem turns a problem document into an error of one line.
func problem(response *http.Response) error {
	var p struct {
		Detail    string   `json:"detail"`
		Parameter string   `json:"parameter"`
		Allowed   []string `json:"allowed"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&p); err != nil || p.Detail == "" {
		return fmt.Errorf("the server answers %s", response.Status)
	}
	if response.StatusCode == http.StatusUnauthorized {
		return fmt.Errorf("%s: put the server's token into PHASELINE_TOKEN", clean(p.Detail))
	}
	text := clean(p.Detail)
	if p.Parameter != "" && !strings.Contains(p.Detail, p.Parameter) {
		text = clean(p.Parameter) + ": " + text
	}
	if len(p.Allowed) > 0 {
		text += " (allowed: " + clean(strings.Join(p.Allowed, ", ")) + ")"
	}
	return errors.New(text)
}
