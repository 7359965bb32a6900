package client

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// ServerStatus is the API's answer about the process itself.
type ServerStatus struct {
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	Roles   []string  `json:"roles"`
	Store   struct {
		Ready     bool   `json:"ready"`
		Reason    string `json:"reason"`
		Kind      string `json:"kind"`
		Spans     int64  `json:"spans"`
		Requests  int64  `json:"requests"`
		DeriveLag int64  `json:"derive_lag_ns"`
		RollupLag int64  `json:"rollup_lag_ns"`
		LastError string `json:"last_error"`
	} `json:"store"`
	Counters []struct {
		Name  string `json:"name"`
		Count int64  `json:"count"`
	} `json:"counters"`
}

// Status writes what the server does and how far behind it is.
func Status(w io.Writer, s ServerStatus) {
	state := "ready"
	if !s.Store.Ready {
		state = "not ready: " + clean(s.Store.Reason)
	}
	lag := func(ns int64) string {
		if ns == 0 {
			return "none waits"
		}
		return duration(&ns)
	}
	t := table{left: 2}
	t.add("version", clean(s.Version))
	t.add("started", s.Started.UTC().Format(time.RFC3339))
	t.add("does", clean(strings.Join(s.Roles, ", ")))
	t.add("store", clean(s.Store.Kind)+", "+state)
	t.add("spans stored", count(s.Store.Spans))
	t.add("requests written", count(s.Store.Requests))
	t.add("spans not derived", lag(s.Store.DeriveLag))
	t.add("hours not closed", lag(s.Store.RollupLag))
	if s.Store.LastError != "" {
		t.add("last error", clean(s.Store.LastError))
	}
	for _, c := range s.Counters {
		if c.Count > 0 {
			t.add(clean(strings.ReplaceAll(c.Name, "_", " ")), count(c.Count))
		}
	}
	t.write(w)
}

// AlertList is the API's answer about alerts.
type AlertList struct {
	Enabled bool `json:"enabled"`
	Alerts  []struct {
		Rule  string            `json:"rule"`
		Group map[string]string `json:"group"`
		State string            `json:"state"`
		Since time.Time         `json:"since"`
		Last  struct {
			Reason string `json:"reason"`
		} `json:"last"`
	} `json:"alerts"`
}

// Alerts writes a line for each alert, firing first.
func Alerts(w io.Writer, a AlertList) {
	switch {
	case !a.Enabled:
		fmt.Fprintln(w, "this server evaluates no alerts: alert: {enabled: true} in its configuration switches them on")
		return
	case len(a.Alerts) == 0:
		fmt.Fprintln(w, "no alert is in such a state, or no rule has been evaluated yet")
		return
	}
	t := table{left: 4}
	t.add("state", "rule", "group", "since (UTC)", "")
	for _, x := range a.Alerts {
		var group []string
		for _, name := range slices.Sorted(maps.Keys(x.Group)) {
			group = append(group, clean(name)+"="+value(x.Group[name]))
		}
		t.add(clean(x.State), clean(x.Rule), strings.Join(group, " "), x.Since.UTC().Format("01-02 15:04:05"), clean(x.Last.Reason))
	}
	t.write(w)
}
