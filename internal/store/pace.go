package store

import "time"

// pace is when the loops do what. Tests run at a faster one.
type pace struct {
	step time.Duration // between two steps of the deriver
	// gather is how long many due traces are gathered for one insert of request rows:
	// it costs by the column, of which there are fifty, as much as by the row.
	gather time.Duration

	// promptly is how long after its last span a trace is derived, so that the
	// spans of one export are derived together.
	promptly time.Duration
	// firstWait is for a trace that has used up its prompt derivations.
	firstWait time.Duration
	// observe is how long a trace is quiet before the observer has its requests.
	observe time.Duration
	// hold is how long a quiet trace stays in memory, where there is room.
	hold time.Duration

	// The deriver looks for spans that other stores inserted, by when they were
	// written: soon, and again when every insert is certain to be visible.
	look, firstLook, secondLook time.Duration
	// takeover is how long a store may be silent before others derive its spans.
	takeover time.Duration
	// skew allows for the clocks of the stores and of ClickHouse to differ.
	skew time.Duration

	rollup time.Duration // between two steps of the rollup
	// grace is how long after its end an hour is computed for the first time.
	grace time.Duration
	// calm is how long an hour must have been left alone, so that every insert is
	// visible; with patience at an end, it is computed all the same.
	calm, patience time.Duration
	// rest is how many times as long as its last computation an hour is left
	// alone: one that changes over and over takes at most a tenth of the time.
	rest time.Duration
}

var defaultPace = pace{
	step:       250 * time.Millisecond,
	gather:     time.Second,
	promptly:   time.Second,
	firstWait:  5 * time.Second,
	observe:    10 * time.Second,
	hold:       time.Minute,
	look:       5 * time.Second,
	firstLook:  time.Second,
	secondLook: time.Minute,
	takeover:   time.Minute,
	skew:       5 * time.Second,
	rollup:     5 * time.Second,
	grace:      2 * time.Minute,
	calm:       30 * time.Second,
	patience:   5 * time.Minute,
	rest:       10,
}
