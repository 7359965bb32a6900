package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// maxDeadLetters bounds the dead-letter file in bytes. Past it the file is set
// aside as <file>.1 in place of the one before, so that the newest are there.
const maxDeadLetters = 32 << 20

// deadLetters keeps spans that ClickHouse refused, one JSON object a line.
type deadLetters struct {
	path  string
	limit int64

	mu sync.Mutex
}

// deadLetter is one line of the file. Span is an OTLP/JSON export request, so
// that it can be sent again once the fault is mended.
type deadLetter struct {
	Time   time.Time       `json:"time"`
	Reason string          `json:"reason"`
	Code   int32           `json:"clickhouse_code,omitempty"`
	Span   json.RawMessage `json:"span"`
}

func (d *deadLetters) write(letters []deadLetter) error {
	if d.path == "" {
		return errors.New("store: no dead-letter file is configured")
	}
	var text []byte
	for _, letter := range letters {
		line, err := json.Marshal(letter)
		if err != nil {
			return fmt.Errorf("store: write a dead letter: %w", err)
		}
		text = append(append(text, line...), '\n')
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if info, err := os.Stat(d.path); err == nil && info.Size()+int64(len(text)) > d.limit {
		if err := os.Rename(d.path, d.path+".1"); err != nil {
			return fmt.Errorf("store: set the full dead-letter file aside: %w", err)
		}
	}
	f, err := os.OpenFile(d.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("store: open the dead-letter file: %w", err)
	}
	if _, err := f.Write(text); err != nil {
		f.Close()
		return fmt.Errorf("store: write to the dead-letter file: %w", err)
	}
	return f.Close()
}
