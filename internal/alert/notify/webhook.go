package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"

	"github.com/phaseline/phaseline/internal/alert"
)

// Headers of a webhook. The signature is the hex HMAC-SHA256 of
// "<timestamp>.<body>", so that a recorded message cannot be sent again later.
const (
	SignatureHeader = "X-Phaseline-Signature"
	TimestampHeader = "X-Phaseline-Timestamp" // Unix seconds
)

// Webhook posts each message as JSON to one address.
type Webhook struct {
	URL    string
	Secret string
	Now    func() time.Time
}

func (Webhook) Name() string { return "webhook" }

// Resends is false: one message for each transition.
func (Webhook) Resends() bool { return false }

type webhookBody struct {
	alert.Message
	Summary string   `json:"summary"`
	Details []string `json:"details"`
}

// Send posts one request for each message, in order.
func (w Webhook) Send(ctx context.Context, messages []alert.Message) error {
	for _, m := range messages {
		if err := post(ctx, w.URL, webhookBody{m, m.Summary(), m.Details()}, w.sign); err != nil {
			return err
		}
	}
	return nil
}

func (w Webhook) sign(header http.Header, body []byte) {
	timestamp := strconv.FormatInt(w.Now().Unix(), 10)
	header.Set(TimestampHeader, timestamp)
	header.Set(SignatureHeader, "sha256="+Sign(w.Secret, timestamp, body))
}

// Sign is the signature that a receiver compares with, in constant time.
func Sign(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}
