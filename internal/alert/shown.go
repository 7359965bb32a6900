package alert

import "maps"

// shown is an alert as others see it.
type shown struct {
	standing Standing
	last     Evaluation
}

// evidence is the evaluation that the alert rests on: the newest, but the one
// that it fired by once it is only kept firing, since windows from then on are
// no longer about what people were told.
func (s shown) evidence() Evaluation {
	if s.standing.Fired != nil && s.standing.Status.State != StateFiring {
		return *s.standing.Fired
	}
	return s.last
}

func (f *follower) message(s shown, before Status, event Event) Message {
	verdict := s.evidence().Verdict
	m := Message{Rule: f.rule, Group: s.standing.Group, Event: event, Verdict: verdict, StartsAt: before.ActiveSince, LastTrue: s.standing.Status.LastTrue}
	if m.StartsAt.IsZero() {
		m.StartsAt = s.standing.Status.ActiveSince
	}
	if event == EventResolved {
		m.EndsAt = s.last.At
	}
	if c := s.standing.Cause; c != nil {
		m.Began, m.NewVersion = c.Began, c.NewVersion
		for _, x := range c.Exemplars {
			m.TraceURLs = append(m.TraceURLs, f.engine.cfg.ExternalURL+"/requests/"+x.TraceID+"/"+x.SpanID)
		}
	}
	if path := ComparePath(f.rule, s.standing.Group, verdict); path != "" {
		m.CompareURL = f.engine.cfg.ExternalURL + path
	}
	return m
}

func (f *follower) status() RuleStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := RuleStatus{Rule: f.rule, Origin: f.origin, Problem: f.problem, Progress: f.progress, Missed: f.skipped, States: map[State]int{}}
	for _, a := range f.shown {
		s.States[a.standing.Status.State]++
	}
	return s
}

func (f *follower) alerts() []Current {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []Current
	for _, s := range f.shown {
		if s.last.At.IsZero() {
			s.last = Evaluation{Rule: f.rule.Name, Group: s.standing.Group, At: s.standing.Status.Since, State: s.standing.Status.State, Verdict: Verdict{Phi: 1}}
		}
		evidence := s.evidence()
		all = append(all, Current{Rule: f.rule, Group: s.standing.Group, Status: s.standing.Status, Last: s.last, Evidence: evidence, Cause: s.standing.Cause,
			Compare: ComparePath(f.rule, s.standing.Group, evidence.Verdict)})
	}
	return all
}

func (f *follower) messages() []Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []Message
	for _, s := range f.shown {
		if s.standing.Status.active() && !s.evidence().At.IsZero() {
			all = append(all, f.message(s, s.standing.Status, EventFiring))
		}
	}
	return all
}

func (f *follower) standings() map[string]Standing {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := map[string]Standing{}
	for key, s := range maps.All(f.shown) {
		all[key] = s.standing
	}
	return all
}
