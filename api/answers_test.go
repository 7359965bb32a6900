package api

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/phaseline/phaseline/internal/query"
)

func decode[T any](t testing.TB, r response) (value T) {
	t.Helper()
	if r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if err := json.Unmarshal(r.body, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// TestOnTheRealEngine shares one engine with requests in it: to fill it takes
// longer than to ask.
func TestOnTheRealEngine(t *testing.T) {
	s := newEngineServer(t, Options{Alerts: newRulesInMemory()})
	t.Run("answers", func(t *testing.T) { checkAnswers(t, s) })
	t.Run("documented examples", func(t *testing.T) { checkDocumentedExamples(t, s) })
	t.Run("random parameters", func(t *testing.T) { checkRandomParameters(t, s) })
}

// checkAnswers asks every question; each answer is checked against the
// specification.
func checkAnswers(t *testing.T, s *testServer) {
	t.Run("breakdown", func(t *testing.T) {
		all := decode[Breakdown](t, get(t, s, "/api/v1/breakdown"))
		if all.N != stored || len(all.Groups) != 1 || all.Groups[0].Counts.Errors != stored/10 {
			t.Errorf("n %d, %d groups, counts %+v", all.N, len(all.Groups), all.Groups[0].Counts)
		}
		if d := all.Range.To.Sub(all.Range.From); d != time.Hour || time.Since(all.Range.To) > time.Minute {
			t.Errorf("default range %v", all.Range)
		}
		by := decode[Breakdown](t, get(t, s, "/api/v1/breakdown?group_by=model&group_by=version&sort=n&metric=ttft&metric=queue&quantiles=0.5,0.9"))
		if len(by.Groups) != 6 || len(by.Groups[0].Metrics) != 2 || len(by.Groups[0].Metrics[0].Quantiles) != 2 {
			t.Errorf("%d groups, %+v", len(by.Groups), by.Groups[0].Metrics)
		}
		if !slices.IsSortedFunc(by.Groups, func(a, b BreakdownGroup) int { return int(a.Counts.N - b.Counts.N) }) {
			t.Error("sort=n is not ascending")
		}
		one := decode[Breakdown](t, get(t, s, "/api/v1/breakdown?limit=2&group_by=model&filter="+url.QueryEscape("model in model-0,model-1,model-2")))
		if len(one.Groups) != 2 || one.Omitted != 1 {
			t.Errorf("%d groups, %d omitted; want 2 and 1", len(one.Groups), one.Omitted)
		}
		none := decode[Breakdown](t, get(t, s, "/api/v1/breakdown?filter=model%3Dnone"))
		if none.N != 0 || none.Groups == nil {
			t.Errorf("n %d, groups %v; want none", none.N, none.Groups)
		}
	})
	t.Run("hostile text stays text", func(t *testing.T) {
		rows := readCSV(t, get(t, s, "/api/v1/breakdown?group_by=service&format=csv"))
		if rows[0][0] != "service" || !slices.ContainsFunc(rows, func(row []string) bool { return row[0] == "'"+hostile }) {
			t.Errorf("rows %v; want the hostile service with an apostrophe before it", rows)
		}
		found := decode[Breakdown](t, get(t, s, "/api/v1/breakdown?group_by=service&filter="+url.QueryEscape("service="+hostile)))
		if len(found.Groups) != 1 || found.Groups[0].Labels[0].Value != hostile {
			t.Errorf("groups %+v", found.Groups)
		}
	})
	t.Run("requests", func(t *testing.T) {
		var seen []string
		cursor := ""
		for range 10 {
			page := decode[RequestList](t, get(t, s, "/api/v1/requests?limit=50&cursor="+url.QueryEscape(cursor)))
			for _, r := range page.Requests {
				seen = append(seen, r.TraceID)
				if r.TotalNS != sum(r.NetworkNS, r.QueueNS, r.PrefillNS, r.DecodeNS, &r.UnattributedNS) {
					t.Errorf("the phases of %s do not add up to its total", r.TraceID)
				}
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if len(seen) != stored || len(slices.Compact(slices.Sorted(slices.Values(seen)))) != stored {
			t.Errorf("%d requests over all pages, want %d different ones", len(seen), stored)
		}
		if rows := readCSV(t, get(t, s, "/api/v1/requests?format=csv&limit=1000")); len(rows) != stored+1 {
			t.Errorf("%d lines of CSV", len(rows))
		}
		if r := get(t, s, "/api/v1/requests?cursor=nonsense"); r.status != http.StatusBadRequest {
			t.Errorf("a cursor of one's own making: %d %s", r.status, r.body)
		}
	})
	t.Run("one request", func(t *testing.T) { checkDetail(t, s) })
	t.Run("the reference's examples", func(t *testing.T) { checkReferenceExamples(t, s) })
	t.Run("failed requests are included where asked for", func(t *testing.T) {
		for _, path := range []string{"/breakdown", "/timeseries", "/heatmap", "/composition", "/distinguish?select_low_ns=1", "/dimensions/model/values", "/quality"} {
			separator := "?"
			if strings.Contains(path, "?") {
				separator = "&"
			}
			without := decode[query.Meta](t, get(t, s, prefix+path))
			with := decode[query.Meta](t, get(t, s, prefix+path+separator+"include_failed=true"))
			if without.Counted != stored-stored/10 || with.Counted != stored {
				t.Errorf("%s: %d requests count, with failed ones %d; want %d and %d", path, without.Counted, with.Counted, stored-stored/10, stored)
			}
		}
	})
	t.Run("head", func(t *testing.T) {
		for _, path := range []string{"/api/v1/breakdown?format=csv", "/api/v1/requests", "/api/v1/nothing", "/api", "/healthz"} {
			full, head := get(t, s, path, "Accept-Encoding", "identity"), send(t, s, http.MethodHead, path, "", "Accept-Encoding", "identity")
			if head.status != full.status || len(head.body) > 0 || head.header.Get("Content-Type") != full.header.Get("Content-Type") {
				t.Errorf("%s: HEAD %d %s and %d bytes, GET %d %s", path, head.status, head.header.Get("Content-Type"), len(head.body), full.status, full.header.Get("Content-Type"))
			}
		}
	})
	t.Run("defaults", func(t *testing.T) { checkDefaults(t, s) })
	for _, path := range []string{
		"/timeseries", "/timeseries?step=5m&group_by=model&metric=queue&limit=2", "/heatmap", "/heatmap?metric=total&step=10m",
		"/composition", "/composition?metric=total&group_by=service&quantiles=0.5", "/compare", "/compare?b_from=now-1000d&b_to=now-999d", "/compare?a=version%3D1.0&b=version%3D1.1&metric=total",
		"/compare?b_from=now-30m&a_from=now-60m&a_to=now-30m", "/distinguish?select_low_ns=1000000", "/distinguish?metric=total&select_from=now-10m",
		"/dimensions", "/dimensions?from=now-1h&tenant=x", "/dimensions/model/values", "/dimensions/service/values?prefix=%3D", "/quality",
		"/alerts", "/alerts/history", "/alerts/rules", "/status", "/setup",
	} {
		if r := get(t, s, prefix+path); r.status != http.StatusOK || len(r.body) == 0 {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
		if path == "/status" || path == "/setup" {
			continue
		}
		separator := "?"
		if strings.Contains(path, "?") {
			separator = "&"
		}
		if rows := readCSV(t, get(t, s, prefix+path+separator+"format=csv")); len(rows) < 1 {
			t.Errorf("%s as CSV has no header", path)
		}
	}
	for path, status := range map[string]int{
		"/breakdown?group_by=nothing":                                          400,
		"/breakdown?group_by=session":                                          400,
		"/breakdown?from=now&to=now-1h":                                        400,
		"/timeseries?from=now-30d&step=1s":                                     422,
		"/dimensions/nothing/values":                                           400,
		"/dimensions/a%2Fb/values":                                             400,
		"/requests/" + strings.Repeat("0", 32) + "/" + strings.Repeat("0", 16): 404,
		"/traces/" + strings.Repeat("0", 32):                                   404,
	} {
		if r := get(t, s, prefix+path); r.status != status {
			t.Errorf("%s: %d %s; want %d", path, r.status, r.body, status)
		}
	}
}

// checkReferenceExamples asks what the reference page has a link to.
func checkReferenceExamples(t *testing.T, s *testServer) {
	asked := 0
	for path, item := range s.spec.Paths.Map() {
		if item.Get == nil || strings.Contains(path, "{trace_id}") || strings.HasPrefix(path, "/alerts/rules/{") {
			continue // what they name is not here
		}
		var parameters []*openapi3.Parameter
		for _, p := range slices.Concat(item.Parameters, item.Get.Parameters) {
			parameters = append(parameters, p.Value)
		}
		target := exampleRequest(prefix+path, parameters)
		if r := get(t, s, target); r.status != http.StatusOK {
			t.Errorf("%s: %d %s", target, r.status, r.body)
		}
		asked++
	}
	if asked < 12 {
		t.Errorf("only %d examples were asked", asked)
	}
}

func checkDetail(t *testing.T, s *testServer) {
	list := decode[RequestList](t, get(t, s, "/api/v1/requests?limit=2&filter="+url.QueryEscape("outcome=ok")))
	want := list.Requests[0]
	detail := decode[RequestDetail](t, get(t, s, "/api/v1/requests/"+strings.ToUpper(want.TraceID)+"/"+want.SpanID))
	if detail.Request.TotalNS != want.TotalNS || !detail.SpansStored || len(detail.Evidence) == 0 {
		t.Errorf("detail %+v", detail)
	}
	for _, fact := range detail.Evidence {
		if fact.Fact == "total_ns" && fact.Value != want.TotalNS {
			t.Errorf("the evidence says a total of %d, the row %d", fact.Value, want.TotalNS)
		}
	}
	if len(detail.Previous) == 0 || detail.Previous[0].End.After(want.End) || detail.Previous[0].SpanId == want.SpanID {
		t.Errorf("neighbours before: %+v", detail.Previous)
	}
	trace := decode[Trace](t, get(t, s, "/api/v1/traces/"+want.TraceID))
	if len(trace.Clocks) < 2 || len(trace.Spans) != trace.SpanCount || len(trace.Requests) != 1 {
		t.Errorf("%d clocks, %d of %d spans, %d requests", len(trace.Clocks), len(trace.Spans), trace.SpanCount, len(trace.Requests))
	}
	used := 0
	for _, span := range trace.Spans {
		if span.OffsetNs < 0 || span.OffsetNs+span.DurationNs > trace.Clocks[span.Clock].ExtentNs {
			t.Errorf("span %s lies outside its clock", span.Name)
		}
		for _, use := range span.Evidence {
			if use.RequestSpanId == want.SpanID && len(use.Facts) > 0 {
				used++
			}
		}
	}
	if used < 2 {
		t.Errorf("%d spans are marked as evidence, want those of the client and the engine", used)
	}
	if r := get(t, s, "/api/v1/requests/"+want.TraceID+"/"+strings.Repeat("0", 16)); r.status != http.StatusNotFound {
		t.Errorf("another span of the trace: %d", r.status)
	}
}

// checkDefaults asks each question as it is and with every default that the
// specification names written out: the answers must be the same.
func checkDefaults(t *testing.T, s *testServer) {
	now := time.Now().UTC()
	fixed := url.Values{
		"from": {now.Add(-time.Hour).Format(time.RFC3339)}, "to": {now.Format(time.RFC3339)},
		"b_from": {now.Add(-time.Hour / 2).Format(time.RFC3339)}, "b_to": {now.Format(time.RFC3339)},
	}
	compared := 0
	for path, item := range loadSpec(t).Paths.Map() {
		if item.Get == nil || strings.Contains(path, "{") || strings.HasPrefix(path, "/alerts") {
			continue
		}
		short, long := url.Values{}, url.Values{}
		for _, ref := range item.Get.Parameters {
			p := ref.Value
			if values, ok := fixed[p.Name]; ok {
				short[p.Name], long[p.Name] = values, values
				continue
			}
			if p.Name == "select_low_ns" {
				short.Set(p.Name, "1000")
				long.Set(p.Name, "1000")
			}
			switch standard := p.Schema.Value.Default.(type) {
			case nil:
			case []any:
				if len(standard) > 0 {
					long.Set(p.Name, strings.Trim(strings.ReplaceAll(fmt.Sprint(standard), " ", ","), "[]"))
				}
			default:
				if text := fmt.Sprint(standard); text != "" {
					long.Set(p.Name, text)
				}
			}
		}
		if len(long) == len(short) {
			continue
		}
		compared++
		a, b := get(t, s, prefix+path+"?"+short.Encode()), get(t, s, prefix+path+"?"+long.Encode())
		if a.status != http.StatusOK || !bytes.Equal(a.body, b.body) {
			t.Errorf("%s: %d; with its defaults written out (%s) the answer is another one:\n%.300s\n%.300s", path, a.status, long.Encode(), a.body, b.body)
		}
	}
	if compared < 8 {
		t.Errorf("only %d questions have defaults", compared)
	}
	limits := decode[Status](t, get(t, s, "/api/v1/status")).Limits
	spec := loadSpec(t)
	if most := int64(*spec.Components.Parameters["Limit"].Value.Schema.Value.Max); most != limits.MaxGroups || most != limits.MaxPage {
		t.Errorf("the specification allows a limit of %d, the engine %d groups and %d requests", most, limits.MaxGroups, limits.MaxPage)
	}
	if text := spec.Components.Parameters["Step"].Value.Description; !strings.Contains(strings.ReplaceAll(text, ",", ""), fmt.Sprint(limits.MaxPoints)) {
		t.Errorf("the description of step does not name the %d steps that fit: %s", limits.MaxPoints, text)
	}
}

func sum(parts ...*int64) (total int64) {
	for _, p := range parts {
		if p != nil {
			total += *p
		}
	}
	return total
}

func readCSV(t testing.TB, r response) [][]string {
	t.Helper()
	if r.status != http.StatusOK || r.header.Get("Content-Type") != "text/csv" {
		t.Fatalf("%d %s %s", r.status, r.header.Get("Content-Type"), r.body)
	}
	rows, err := csv.NewReader(strings.NewReader(string(r.body))).ReadAll()
	if err != nil {
		t.Fatalf("%v in\n%s", err, r.body)
	}
	return rows
}
