package dialect

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// TestEveryRuleIsRead writes each attribute that a table names, alone on a span
// of its dialect, and reads the fact that the table promises from it.
func TestEveryRuleIsRead(t *testing.T) {
	reader := NewReader(Options{})
	for _, d := range All() {
		for _, rules := range [...][]Rule{d.Vocabulary, d.Own} {
			for _, rule := range rules {
				if rule.Ignore || rule.Refuse != 0 {
					continue
				}
				if rule.Fields == nil {
					checkRule(t, reader, d, rule, rule, sample(rule))
				}
				for _, field := range rule.Fields {
					if !field.Ignore {
						checkRule(t, reader, d, rule, field, sampleText(field, rule.Only))
					}
				}
			}
		}
	}
}

const (
	sampleStart  = int64(1795003200e9)
	sampleLength = int64(1e9)
	sampleTime   = int64(250e6)
	sampleCount  = 7
	sampleWord   = "word"
)

// sample is a value for the rule in the type and unit that it reads.
func sample(r Rule) any {
	switch to := r.To.(type) {
	case Number:
		if to >= InputTokens {
			return int64(sampleCount)
		}
		return map[Unit]any{
			Seconds: 0.25, SecondsOrNanos: 0.25, Millis: 250.0, Micros: int64(250e3), Nanos: sampleTime, DurationText: "250ms",
			ISOTime: time.Unix(0, sampleStart+sampleTime).UTC().Format(time.RFC3339Nano),
		}[r.Unit]
	case Signal:
		switch to {
		case IsCacheHit:
			return sampleWord
		case CacheStatus:
			return "HIT"
		case IsError:
			return "ERROR"
		}
		return true
	}
	return sampleWord
}

// sampleText is a JSON text with the field where the rule looks for it, and the
// name without which it does not look.
func sampleText(field Rule, only string) string {
	value := fmt.Sprint(sample(field))
	if value == sampleWord {
		value = `"` + value + `"`
	}
	parent, key, nested := strings.Cut(field.Key, "/")
	if nested {
		value = `{"` + key + `": ` + value + `}`
	}
	return `{"` + only + `": null, "` + parent + `": ` + value + `}`
}

func checkRule(t *testing.T, reader *Reader, d *Dialect, rule, field Rule, value any) {
	t.Helper()
	span := ptrace.NewSpan()
	span.SetKind(ptrace.SpanKindClient)
	span.SetStartTimestamp(pcommon.Timestamp(sampleStart))
	span.SetEndTimestamp(pcommon.Timestamp(sampleStart + sampleLength))
	span.SetName("chat")
	for _, n := range d.Names {
		if n.Role == RoleLLM || n.Role == RoleEngine {
			span.SetName(strings.TrimSuffix(n.Name, "*"))
			break
		}
	}
	key := strings.ReplaceAll(rule.Key, "*", "x")
	if key != "gen_ai.operation.name" {
		span.Attributes().PutStr("gen_ai.operation.name", "chat")
	}
	if len(d.Scopes) == 0 && !d.Generic {
		span.Attributes().PutStr(d.Signs[0].Key, strings.TrimSuffix(d.Signs[0].Value, "*"))
	}
	if err := span.Attributes().PutEmpty(key).FromRaw(value); err != nil {
		t.Fatal(err)
	}
	scope := pcommon.NewInstrumentationScope()
	if len(d.Scopes) > 0 {
		scope.SetName(strings.TrimSuffix(d.Scopes[0], "*"))
	}
	f := reader.Read(pcommon.NewResource(), scope, span)
	where := fmt.Sprintf("%s: %s = %v", d.Name, key, value)
	switch to := field.To.(type) {
	case Number:
		want := sampleTime
		if to >= InputTokens {
			want = sampleCount
		}
		if f.Number(to) != want || !strings.HasPrefix(f.Source(to), rule.Key) {
			t.Errorf("%s: %s is %d from %q", where, to.Label(), f.Number(to), f.Source(to))
		}
	case Text:
		if got := f.Text(to); got != sampleWord && to != Operation {
			t.Errorf("%s: %s is %q", where, to.Label(), got)
		}
	case Signal:
		streamed, _ := f.Streaming()
		ok := map[Signal]bool{
			Streamed: streamed, StreamedIfTrue: streamed, IsCacheHit: f.Is(CacheHit), CacheStatus: f.Is(CacheHit),
			IsError: f.Status == StatusError, IsCancelled: f.Status == StatusCancelled,
			IsTruncated: f.Refused&RefusedTruncated != 0, IsReused: f.Is(reused),
		}
		if !ok[to] {
			t.Errorf("%s: %s is not read", where, to.Label())
		}
	}
}
