package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/internal/embedded/embeddedtest"
	"github.com/phaseline/phaseline/internal/query"
)

func TestMain(m *testing.M) {
	embeddedtest.Main(m, func() error { return goleak.Find() })
}

func TestWrongParametersAreNamed(t *testing.T) {
	s := newTestServer(t, Options{})
	for path, want := range map[string]struct {
		parameter string
		allowed   string
	}{
		"/breakdown?from=yesterday":                              {"from", ""},
		"/breakdown?to=now%2B1h":                                 {"to", ""},
		"/breakdown?metric=tttf":                                 {"metric", "ttft"},
		"/breakdown?filter=model":                                {"filter", ""},
		"/breakdown?filter=model%3D~(":                           {"filter", ""},
		"/breakdown?groupby=model":                               {"groupby", "group_by"},
		"/breakdown?limit=0":                                     {"limit", ""},
		"/breakdown?limit=1001":                                  {"limit", ""},
		"/breakdown?limit=ten":                                   {"limit", ""},
		"/breakdown?limit=1&limit=2":                             {"limit", ""},
		"/breakdown?sort=price":                                  {"sort", "-n"},
		"/breakdown?quantiles=0.5,1":                             {"quantiles", ""},
		"/breakdown?quantiles=":                                  {"quantiles", ""},
		"/breakdown?group_by=a&group_by=b&group_by=c&group_by=d": {"group_by", ""},
		"/breakdown?format=xml":                                  {"format", "csv"},
		"/breakdown?include_failed=perhaps":                      {"include_failed", ""},
		"/timeseries?step=-1m":                                   {"step", ""},
		"/timeseries?step=fortnight":                             {"step", ""},
		"/composition?metric=queue":                              {"metric", "total"},
		"/compare?b_from=x":                                      {"b_from", ""},
		"/compare?a_to=x":                                        {"a_to", ""},
		"/compare?a=model":                                       {"a", ""},
		"/compare?b=model":                                       {"b", ""},
		"/compare?a=nothing%3D1":                                 {"a", "model"},
		"/compare?a_from=now-1h":                                 {"a_from", ""},
		"/compare?b_from=now":                                    {"b_from", ""},
		"/requests?limit=0":                                      {"limit", ""},
		"/distinguish":                                           {"select_low_ns", ""},
		"/distinguish?select_from=x":                             {"select_from", ""},
		"/distinguish?select_low_ns=-1":                          {"select_low_ns", ""},
		"/requests?select_high_ns=1.5":                           {"select_high_ns", ""},
		"/requests?sort=end,start":                               {"sort", "-end"},
		"/requests/nothex/0123456789abcdef":                      {"trace_id", ""},
		"/requests/0123456789abcdef0123456789abcdef/0":           {"span_id", ""},
		"/traces/0123":                                           {"trace_id", ""},
		"/alerts?state=on":                                       {"state", "firing"},
		"/alerts/history?fingerprint=x":                          {"fingerprint", ""},
		"/alerts/history?from=0000-01-01T00:00:00Z":              {"from", ""},
		"/alerts/history?to=9999-12-31T23:59:59Z":                {"to", ""},
		"/alerts/history?from=now&to=now":                        {"from", ""},
		"/alerts/rules/%20":                                      {"name", ""},
		"/status?verbose=1":                                      {"verbose", ""},
	} {
		r := get(t, s, prefix+path)
		p := r.problem(t)
		if r.status != http.StatusBadRequest || p.Parameter == nil || *p.Parameter != want.parameter {
			t.Errorf("%s: %d %s; want 400 that names %s", path, r.status, r.body, want.parameter)
		}
		if want.allowed != "" && (p.Allowed == nil || !strings.Contains(strings.Join(*p.Allowed, " "), want.allowed)) {
			t.Errorf("%s: %s; want %s among what is allowed", path, r.body, want.allowed)
		}
		if strings.Contains(p.Detail, "\n") || p.Detail == "" || strings.Contains(p.Detail, "schema") {
			t.Errorf("%s: detail %q is no sentence", path, p.Detail)
		}
	}
}

func TestStoreAway(t *testing.T) {
	s := newTestServer(t, Options{Store: func() StoreStatus {
		return StoreStatus{Kind: StoreStatusKindEmbedded, Reason: "the engine is being restarted"}
	}, LoadTrace: func(context.Context, string, [16]byte) (ptrace.Traces, error) {
		return ptrace.Traces{}, errors.New("connection refused")
	}, Reader: dialect.NewReader(dialect.Options{})})
	for _, path := range []string{"/breakdown", "/timeseries", "/heatmap", "/composition", "/compare", "/distinguish?select_low_ns=1", "/requests",
		"/requests/0123456789abcdef0123456789abcdef/0123456789abcdef", "/traces/0123456789abcdef0123456789abcdef",
		"/dimensions", "/dimensions/model/values", "/quality"} {
		r := get(t, s, prefix+path)
		if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d, Retry-After %q; want 503 and when to try again", path, r.status, r.header.Get("Retry-After"))
		}
	}
	if r := get(t, s, "/readyz"); r.status != http.StatusServiceUnavailable || !strings.Contains(string(r.body), "the engine is being restarted") {
		t.Errorf("/readyz: %d %s; want 503 and the reason", r.status, r.body)
	}
	for _, path := range []string{"/healthz", "/api/v1/status", "/api/v1/setup", "/api/v1/alerts", "/api"} {
		if r := get(t, s, path); r.status != http.StatusOK {
			t.Errorf("%s: %d %s; want 200 even without a store", path, r.status, r.body)
		}
	}
	ready := newTestServer(t, Options{})
	if r := get(t, ready, "/readyz"); r.status != http.StatusOK {
		t.Errorf("/readyz: %d %s; want 200", r.status, r.body)
	}
}

func TestErrorCodesBecomeStatuses(t *testing.T) {
	for code, status := range map[query.Code]int{
		query.CodeInvalid: 400, query.CodeNotFound: 404, query.CodeTooLarge: 422, query.CodeTimeout: 503, query.CodeUnavailable: 503,
	} {
		s := newTestServer(t, Options{Questions: faulty{&query.Error{Code: code, Parameter: "step", Message: "why", Allowed: []string{"1m"}}}})
		r := get(t, s, "/api/v1/timeseries")
		p := r.problem(t)
		if r.status != status || p.Detail != "why" || *p.Parameter != "step" || (*p.Allowed)[0] != "1m" {
			t.Errorf("%s: %d %s; want %d with the error's own words", code, r.status, r.body, status)
		}
	}
}

// endless stands for a question of many statements, each of which is quick enough.
type endless struct{ faulty }

func (endless) Limits() query.Limits { return query.Limits{Time: 20 * time.Millisecond} }

func (endless) Heatmap(ctx context.Context, _ query.Heatmap) (a query.HeatmapAnswer, err error) {
	<-ctx.Done()
	return a, ctx.Err()
}

func TestQuestionsTakeNoLongerThanTheLimit(t *testing.T) {
	r := get(t, newTestServer(t, Options{Questions: endless{}}), "/api/v1/heatmap")
	if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" || !strings.Contains(r.problem(t).Type, "timeout") {
		t.Errorf("%d %s; want 503, when to try again and that it took too long", r.status, r.body)
	}
}

// panicking stands for a fault in a handler.
type panicking struct{ faulty }

func (panicking) Quality(context.Context, query.Quality) (query.QualityAnswer, error) {
	panic("secret of the panic")
}

func TestFaultsAreLoggedAndNotTold(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	s := newTestServer(t, Options{Questions: panicking{faulty{errors.New("secret of the store")}}, Logger: zap.New(core)})
	for _, path := range []string{"/api/v1/breakdown", "/api/v1/quality"} {
		r := get(t, s, path, requestIDHeader, "the-callers-id")
		if r.status != http.StatusInternalServerError || strings.Contains(string(r.body), "secret") || *r.problem(t).Instance != "the-callers-id" {
			t.Errorf("%s: %d %s; want 500 with the request's id and nothing else", path, r.status, r.body)
		}
		if logged := logs.TakeAll(); len(logged) == 0 || logged[0].ContextMap()["request_id"] != "the-callers-id" {
			t.Errorf("%s: logged %v; want the cause under the request's id", path, logged)
		}
	}
	if id := get(t, s, "/healthz", requestIDHeader, "not an id\t").header.Get(requestIDHeader); len(id) < 16 || strings.Contains(id, " ") {
		t.Errorf("request id %q was made of a hostile one", id)
	}
}

// waiting answers when its context ends.
type waiting struct {
	faulty
	asked, gone chan struct{}
}

func (w waiting) Breakdown(ctx context.Context, _ query.Breakdown) (query.BreakdownAnswer, error) {
	close(w.asked)
	<-ctx.Done()
	close(w.gone)
	return query.BreakdownAnswer{}, ctx.Err()
}

func TestCancelledRequestCancelsItsQuestion(t *testing.T) {
	w := waiting{asked: make(chan struct{}), gone: make(chan struct{})}
	s := newTestServer(t, Options{Questions: w})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-w.asked
		cancel()
	}()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/api/v1/breakdown", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Client().Do(request); !errors.Is(err, context.Canceled) {
		t.Fatalf("the request ended with %v, want it cancelled", err)
	}
	select {
	case <-w.gone:
	case <-time.After(5 * time.Second):
		t.Error("the question went on after its request was gone")
	}
}

func TestToken(t *testing.T) {
	s := newTestServer(t, Options{Token: "correct horse", UI: fstest.MapFS{"index.html": {Data: []byte("page")}}})
	for _, wrong := range []string{"", "Bearer", "Bearer wrong", "Bearer correct horse battery", "Basic correct horse", "correct horse"} {
		r := get(t, s, "/api/v1/status", "Authorization", wrong)
		if r.status != http.StatusUnauthorized || !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("Authorization %q: %d; want 401", wrong, r.status)
		}
	}
	if r := get(t, s, "/api/v1/status", "Authorization", "bearer correct horse"); r.status != http.StatusOK {
		t.Errorf("the right token: %d %s", r.status, r.body)
	}
	for path, status := range map[string]int{"/": 200, "/healthz": 200, "/readyz": 200, "/api": 200, "/api/v1/openapi.json": 401, "/api/v1/setup": 401} {
		if r := get(t, s, path); r.status != status {
			t.Errorf("%s without a token: %d, want %d", path, r.status, status)
		}
	}
	if r := get(t, s, "/healthz", "Host", "phaseline.example"); r.status != http.StatusOK {
		t.Errorf("a public name with a token configured: %d; want 200, a proxy may use one", r.status)
	}
}

func TestReboundNamesAreRefused(t *testing.T) {
	s := newTestServer(t, Options{})
	for host, status := range map[string]int{
		"localhost": 200, "localhost:8321": 200, "127.0.0.1:8321": 200, "127.1.2.3": 200, "[::1]:8321": 200, "LOCALHOST": 200,
		"evil.example": 403, "127.0.0.1.evil.example": 403, "localhost.evil.example:8321": 403, "192.168.0.7": 403,
	} {
		if r := get(t, s, "/api/v1/status", "Host", host); r.status != status {
			t.Errorf("Host %s: %d, want %d", host, r.status, status)
		}
	}
}

func TestPagesOfOtherOriginsMayNotWrite(t *testing.T) {
	s := newTestServer(t, Options{})
	rule := `{"name":"slow","kind":"threshold","above":"2s"}`
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
	} {
		if r := send(t, s, http.MethodPost, "/api/v1/alerts/rules", rule, headers...); r.status != http.StatusForbidden {
			t.Errorf("%v: %d, want 403", headers, r.status)
		}
		if r := get(t, s, "/api/v1/status", headers...); r.status != http.StatusOK || r.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%v: a read gave %d and headers %v", headers, r.status, r.header)
		}
	}
	for _, headers := range [][]string{nil, {"Sec-Fetch-Site", "same-origin"}, {"Origin", s.URL}} {
		if r := send(t, s, http.MethodPost, "/api/v1/alerts/rules", rule, headers...); r.status != http.StatusNotFound {
			t.Errorf("%v: %d, want 404: alerts are switched off", headers, r.status)
		}
	}
}

func TestSecurityHeadersAreEverywhere(t *testing.T) {
	s := newTestServer(t, Options{UI: fstest.MapFS{"index.html": {Data: []byte("page")}}})
	for _, path := range []string{"/", "/missing.js", "/api", "/api/v1/status", "/api/v1/nothing", "/healthz"} {
		h := get(t, s, path).header
		policy := h.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: Content-Security-Policy %q", path, policy)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: headers %v", path, h)
		}
	}
}

func TestUnchangedAnswersAreNotSentAgain(t *testing.T) {
	s := newTestServer(t, Options{})
	first := get(t, s, "/api/v1/openapi.json")
	etag := first.header.Get("ETag")
	if etag == "" || first.status != http.StatusOK {
		t.Fatalf("%d, ETag %q", first.status, etag)
	}
	for header, status := range map[string]int{etag: 304, `"other", ` + etag: 304, "*": 304, strings.TrimPrefix(etag, "W/"): 304, `"other"`: 200} {
		if r := get(t, s, "/api/v1/openapi.json", "If-None-Match", header); r.status != status || r.header.Get("ETag") != etag {
			t.Errorf("If-None-Match %s: %d with ETag %s, want %d", header, r.status, r.header.Get("ETag"), status)
		}
	}
	if r := get(t, s, "/api/v1/breakdown"); r.header.Get("ETag") != "" {
		t.Error("a problem has an ETag")
	}
}

func TestAnswersAreCompressed(t *testing.T) {
	s := newTestServer(t, Options{})
	plain := get(t, s, "/api/v1/openapi.json", "Accept-Encoding", "identity")
	packed := get(t, s, "/api/v1/openapi.json") // the client unpacks it
	if !bytes.Equal(plain.body, packed.body) {
		t.Error("the compressed answer is another one")
	}
	request, err := http.NewRequest(http.MethodGet, s.URL+"/api/v1/openapi.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", "gzip")
	answer, err := s.Client().Transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(answer.Header.Get("Vary"), "Accept-Encoding") {
		t.Fatalf("headers %v", answer.Header)
	}
	reader, err := gzip.NewReader(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(reader); err != nil || !bytes.Equal(body, plain.body) {
		t.Errorf("unpacked %d bytes, %v; want %d", len(body), err, len(plain.body))
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	s := newTestServer(t, Options{UI: fstest.MapFS{"index.html": {Data: []byte("page")}}})
	for _, path := range []string{"/api/v1/nothing", "/api/v2/breakdown", "/api/", "/api/v1"} {
		if r := get(t, s, path); r.status != http.StatusNotFound {
			t.Errorf("%s: %d, want 404 and no page", path, r.status)
		} else {
			r.problem(t)
		}
	}
	if r := send(t, s, http.MethodDelete, "/api/v1/breakdown", ""); r.status != http.StatusMethodNotAllowed || r.header.Get("Allow") == "" {
		t.Errorf("DELETE: %d, Allow %q; want 405", r.status, r.header.Get("Allow"))
	}
}

func TestUserInterfaceFiles(t *testing.T) {
	s := newTestServer(t, Options{UI: fstest.MapFS{
		"index.html": {Data: []byte("<!doctype html>page")}, "assets/app-1a2b.js": {Data: []byte("script")}, "favicon.svg": {Data: []byte("<svg/>")},
	}})
	for path, want := range map[string]struct {
		status            int
		body, kind, cache string
	}{
		"/":                        {200, "<!doctype html>page", "text/html; charset=utf-8", "no-cache"},
		"/index.html":              {200, "<!doctype html>page", "text/html; charset=utf-8", "no-cache"},
		"/compare":                 {200, "<!doctype html>page", "text/html; charset=utf-8", "no-cache"},
		"/requests/00/11":          {200, "<!doctype html>page", "text/html; charset=utf-8", "no-cache"},
		"/assets":                  {200, "<!doctype html>page", "text/html; charset=utf-8", "no-cache"},
		"/assets/app-1a2b.js":      {200, "script", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		"/favicon.svg":             {200, "<svg/>", "image/svg+xml", "no-cache"},
		"/assets/app-gone.js":      {404, "", "application/problem+json", ""},
		"/../../etc/passwd.txt":    {404, "", "application/problem+json", ""},
		"/%2e%2e/%2e%2e/secret.go": {404, "", "application/problem+json", ""},
	} {
		r := get(t, s, path)
		if r.status != want.status || r.header.Get("Content-Type") != want.kind || want.body != "" && string(r.body) != want.body {
			t.Errorf("%s: %d %s %q", path, r.status, r.header.Get("Content-Type"), r.body)
		}
		if want.cache != "" && r.header.Get("Cache-Control") != want.cache {
			t.Errorf("%s: Cache-Control %q, want %q", path, r.header.Get("Cache-Control"), want.cache)
		}
	}
	if r := send(t, s, http.MethodPost, "/", ""); r.status == http.StatusOK {
		t.Error("POST / was answered with the page")
	}
}

func TestReferencePageInChromium(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is not installed: apt-get install chromium")
	}
	s := newTestServer(t, Options{})
	command := exec.Command(browser, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+t.TempDir(),
		"--enable-logging=stderr", "--dump-dom", s.URL+"/api")
	var page, log bytes.Buffer
	command.Stdout, command.Stderr = &page, &log
	if err := command.Run(); err != nil {
		t.Fatalf("%v\n%s", err, log.Bytes())
	}
	if !strings.Contains(page.String(), `<section id="getBreakdown">`) {
		t.Errorf("chromium shows %.500s", page.String())
	}
	if strings.Contains(log.String(), "CONSOLE") {
		t.Errorf("the page made the browser complain:\n%s", log.Bytes())
	}
}

func TestReferencePage(t *testing.T) {
	s := newTestServer(t, Options{})
	page := string(get(t, s, "/api").body)
	spec := loadSpec(t)
	for path, item := range spec.Paths.Map() {
		for _, op := range item.Operations() {
			if !strings.Contains(page, `<section id="`+op.OperationID+`">`) {
				t.Errorf("%s (%s) is not on the page", path, op.OperationID)
			}
		}
	}
	for name := range spec.Components.Schemas {
		if !strings.Contains(page, `<section id="schema-`+name+`">`) {
			t.Errorf("schema %s is not on the page", name)
		}
	}
	for _, forbidden := range []string{"<script", "style=", "<style", `="http:`, `="https:`, `="//`, "onclick"} {
		if strings.Contains(page, forbidden) {
			t.Errorf("the page has %s", forbidden)
		}
	}
	if css := get(t, s, "/api/reference.css"); css.status != http.StatusOK || !strings.HasPrefix(css.header.Get("Content-Type"), "text/css") {
		t.Errorf("style: %d %s", css.status, css.header.Get("Content-Type"))
	}
}
