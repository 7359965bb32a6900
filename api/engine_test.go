package api

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/internal/embedded/embeddedtest"
	"github.com/phaseline/phaseline/internal/query"
	"github.com/phaseline/phaseline/internal/sample"
	"github.com/phaseline/phaseline/internal/store"
	"github.com/phaseline/phaseline/migrations"
)

// stored is how many requests seed stores.
const stored = 120

// hostile is a service name that must stay text wherever it is shown.
const hostile = `=HYPERLINK("http://evil.example";"<script>alert(1)</script>")`

// newEngineServer serves requests that went the whole way: spans stored,
// derived and asked for, in the real engine. Requests end in the last 50
// minutes, two a model, the newest first failed.
func newEngineServer(t testing.TB, o Options) *testServer {
	t.Helper()
	conn := embeddedtest.Start(t)
	if err := migrations.Run(t.Context(), conn, migrations.Options{}); err != nil {
		t.Fatal(err)
	}
	reader := dialect.NewReader(dialect.Options{})
	s := store.New(conn, reader, store.Config{Derive: true, Retention: migrations.Retention{Spans: 24 * time.Hour, Requests: 24 * time.Hour, Hours: 24 * time.Hour}}, zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel)))
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.Run(ctx); err != nil && ctx.Err() == nil {
			t.Errorf("derive: %v", err)
		}
	})
	defer running.Wait()
	defer cancel()
	all := ptrace.NewTraces()
	for i := range stored {
		seedTrace(t, i, time.Now().Add(-time.Minute-time.Duration(i)*24*time.Second)).ResourceSpans().MoveAndAppendTo(all.ResourceSpans())
	}
	if err := s.InsertTraces(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	questions := query.New(conn, query.Limits{})
	o.Logger = zaptest.NewLogger(t, zaptest.Level(zap.ErrorLevel))
	o.Questions, o.LoadTrace, o.Reader = questions, s.LoadTrace, reader
	deadline := time.Now().Add(30 * time.Second)
	for {
		now := time.Now()
		answer, err := questions.Breakdown(t.Context(), query.Breakdown{Scope: query.Scope{Range: query.Range{From: now.Add(-time.Hour), To: now}}})
		if err != nil {
			t.Fatal(err)
		}
		if answer.N == stored {
			break
		}
		if now.After(deadline) {
			t.Fatalf("%d of %d requests were derived", answer.N, stored)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return newTestServer(t, o)
}

// seedTrace is the sample trace, of one of three models and versions; every
// tenth failed, every seventh comes from the hostile service.
func seedTrace(t testing.TB, i int, end time.Time) ptrace.Traces {
	t.Helper()
	traces, err := sample.Trace(end)
	if err != nil {
		t.Fatal(err)
	}
	for _, rs := range traces.ResourceSpans().All() {
		resource := rs.Resource().Attributes()
		resource.PutStr("service.version", fmt.Sprintf("1.%d", i/60))
		if name, _ := resource.Get("service.name"); i%7 == 0 && name.Str() == clientService(traces) {
			resource.PutStr("service.name", hostile)
		}
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				if model, ok := span.Attributes().Get("gen_ai.request.model"); ok {
					model.SetStr(fmt.Sprintf("model-%d", i%3))
				}
				if i%10 == 0 && span.Kind() == ptrace.SpanKindClient {
					span.Status().SetCode(ptrace.StatusCodeError)
					span.Attributes().PutStr("error.type", "timeout")
				}
			}
		}
	}
	return traces
}

// clientService is the service of the trace's first span.
func clientService(traces ptrace.Traces) string {
	name, _ := traces.ResourceSpans().At(0).Resource().Attributes().Get("service.name")
	return name.AsString()
}
