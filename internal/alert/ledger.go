package alert

import (
	"context"
	"time"
)

// Standing is where one alert stands, as it is stored.
type Standing struct {
	Rule   string  `json:"rule"`
	Group  []Label `json:"group"`
	Status Status  `json:"status"`
	// Slow says that what holds is a drift, whose windows are no incident.
	Slow  bool   `json:"slow,omitempty"`
	Cause *Cause `json:"cause,omitempty"` // while it fires
	// Fired is the evaluation that the alert began to fire by, until it is resolved.
	Fired *Evaluation `json:"fired,omitempty"`
}

// Cause is what was found out about a change when its alert fired.
type Cause struct {
	Began      time.Time  `json:"began,omitzero"`
	NewVersion string     `json:"new_version,omitempty"`
	Exemplars  []Exemplar `json:"exemplars,omitempty"`
}

// Exemplar is a request that shows the change.
type Exemplar struct {
	TraceID string    `json:"trace_id"`
	SpanID  string    `json:"span_id"`
	End     time.Time `json:"end"`
	Model   string    `json:"model"`
	TotalNS int64     `json:"total_ns"`
	TTFTNS  *int64    `json:"ttft_ns"`
}

// Recorded is a judged window as it is stored.
type Recorded struct {
	Rule       string
	Definition uint64
	Group      []Label
	Window     Window
}

// Transition is one change of an alert's state, and who was told.
type Transition struct {
	Rule       string     `json:"rule"`
	Group      []Label    `json:"group"`
	At         time.Time  `json:"at"`
	From       State      `json:"from"`
	To         State      `json:"to"`
	Evaluation Evaluation `json:"evaluation"`
	// Message is what is told, nil where nobody is.
	Message    *Message   `json:"message,omitempty"`
	Deliveries []Delivery `json:"deliveries,omitempty"`
}

// Delivery is whether a target took the message.
type Delivery struct {
	Target string    `json:"target"`
	Done   bool      `json:"done"`
	Tries  int       `json:"tries"`
	At     time.Time `json:"at,omitzero"` // of the last try
	Error  string    `json:"error,omitempty"`
	GaveUp bool      `json:"gave_up,omitempty"`
}

// Undelivered reports whether a target still has to be told.
func (t Transition) Undelivered() bool {
	for _, d := range t.Deliveries {
		if !d.Done && !d.GaveUp {
			return true
		}
	}
	return false
}

// Batch is what one evaluation leaves to be stored.
type Batch struct {
	Standings   []Standing
	Windows     []Recorded
	Evaluations []Evaluation
	Transitions []Transition
}

// Page narrows a list of transitions or evaluations, newest first.
type Page struct {
	Range       Range
	Rule        string // empty: all
	Fingerprint string // hexadecimal, see [ID]; empty: all
	Limit       int
	Before      string // where the page before ended; empty: from the newest
}

// Ledger stores what must survive a restart.
type Ledger interface {
	Save(context.Context, Batch) error
	Standings(ctx context.Context) ([]Standing, error)
	// Windows returns the windows of a rule's definition since a time, ascending
	// within each group.
	Windows(ctx context.Context, rule string, definition uint64, since time.Time) ([]Recorded, error)
	// Transitions and Evaluations return a page and where the next one begins,
	// empty at the end.
	Transitions(context.Context, Page) ([]Transition, string, error)
	Evaluations(context.Context, Page) ([]Evaluation, string, error)
	// Undelivered returns the transitions since a time that a target still waits for.
	Undelivered(ctx context.Context, since time.Time) ([]Transition, error)

	Rules(context.Context) ([]Rule, error)
	PutRule(context.Context, Rule) error
	DeleteRule(ctx context.Context, name string) error
}
