package alert

import "time"

// State is where an alert (one group of one rule) stands.
type State string

const (
	StateInactive     State = "inactive"
	StatePending      State = "pending"    // true, but not yet for as long as `for` asks
	StateFiring       State = "firing"     // notified
	StateRecovering   State = "recovering" // no longer true, but within `keep_firing_for`
	StateNoData       State = "no_data"    // the group sent nothing in the window
	StateInsufficient State = "insufficient_samples"
	StateError        State = "error" // the evaluation itself failed
)

// Condition is what one evaluation found.
type Condition string

const (
	ConditionTrue         Condition = "true"
	ConditionFalse        Condition = "false"
	ConditionNoData       Condition = "no_data"
	ConditionInsufficient Condition = "insufficient_samples"
	ConditionError        Condition = "error"
)

// Status is an alert's state and the times its transitions depend on. It is
// all that has to survive a restart.
type Status struct {
	State State `json:"state"`
	// Since is when State began, by evaluation time.
	Since time.Time `json:"since"`
	// ActiveSince is when the condition became true; zero while it is not.
	ActiveSince time.Time `json:"active_since,omitzero"`
	// LastTrue is the last evaluation at which the condition was true.
	LastTrue time.Time `json:"last_true,omitzero"`
}

// Event is a transition that is told to the notifiers, exactly once.
type Event string

const (
	EventNone     Event = ""
	EventFiring   Event = "firing"
	EventResolved Event = "resolved"
)

// active reports whether notifiers were told that the alert fires.
func (s Status) active() bool { return s.State == StateFiring || s.State == StateRecovering }

// Next applies one evaluation at time now to an alert.
//
// An alert that fires is not resolved by the absence of an answer: without
// data, without enough samples or after an error it keeps firing until
// keep_firing_for has passed since the condition was last seen true.
func (s Status) Next(r Rule, c Condition, now time.Time) (Status, Event) {
	enter := func(state State) Status {
		next := s
		if next.State != state {
			next.State, next.Since = state, now
		}
		return next
	}
	if c == ConditionTrue {
		if s.active() {
			next := enter(StateFiring)
			next.LastTrue = now
			return next, EventNone
		}
		if s.ActiveSince.IsZero() || s.State != StatePending {
			s.ActiveSince = now
		}
		s.LastTrue = now
		if now.Sub(s.ActiveSince) < time.Duration(r.For) {
			return enter(StatePending), EventNone
		}
		return enter(StateFiring), EventFiring
	}
	if s.active() && now.Sub(s.LastTrue) < time.Duration(r.KeepFiringFor) {
		return enter(StateRecovering), EventNone
	}
	event := EventNone
	if s.active() {
		event = EventResolved
	}
	next := enter(map[Condition]State{
		ConditionFalse:        StateInactive,
		ConditionNoData:       StateNoData,
		ConditionInsufficient: StateInsufficient,
		ConditionError:        StateError,
	}[c])
	next.ActiveSince = time.Time{}
	return next, event
}
