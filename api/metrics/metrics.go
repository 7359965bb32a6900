// Package metrics turns requests into Prometheus histograms and counters.
//
// Names follow the OpenTelemetry metric conventions for generative AI where
// they have one, with Prometheus' unit suffixes. Every histogram is native and
// has classic buckets as well, and carries trace ids as exemplars.
package metrics

import (
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/phaseline/phaseline/internal/phase"
)

// DefaultMaxSeries is how many label sets are told apart by default.
const DefaultMaxSeries = 200

// maxLabelLength is the longest label value in bytes; longer ones are cut. A
// model or service name has a few dozen.
const maxLabelLength = 128

// other is the value of every label once there are too many label sets.
const other = "other"

// outcomes are all that a request may have.
var outcomes = []phase.Outcome{phase.OutcomeOK, phase.OutcomeError, phase.OutcomeCancelled, phase.OutcomeCacheHit}

// labelNames are the labels of a label set: service, model and provider.
var labelNames = []string{"service_name", "gen_ai_request_model", "gen_ai_provider_name"}

// durationBuckets reach from 1 ms (a cached token over loopback) to 10 min (a
// long agent step), in seconds. tokenBuckets are for the time of one token,
// usageBuckets, those of the conventions, for how many tokens a request has.
var (
	durationBuckets = []float64{.001, .002, .005, .01, .02, .05, .1, .15, .2, .3, .5, .75, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 20, 30, 60, 120, 300, 600}
	tokenBuckets    = []float64{.001, .002, .003, .005, .0075, .01, .015, .02, .025, .03, .04, .05, .06, .08, .1, .15, .2, .3, .5, 1, 2.5, 10}
	usageBuckets    = []float64{1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864}
)

// Requests observes requests.
type Requests struct {
	clientDuration, clientTTFT             *prometheus.HistogramVec
	serverDuration, serverTTFT, serverTPOT *prometheus.HistogramVec
	phases, tokens                         *prometheus.HistogramVec
	outcomes, flags                        *prometheus.CounterVec
	folded                                 prometheus.Counter

	mu        sync.Mutex
	sets      map[[3]string]*labelSet
	others    *labelSet // nil until there are too many sets
	maxSeries int
}

// labelSet is one service, model and provider, with its series.
type labelSet struct {
	exampled time.Time
	outcomes map[phase.Outcome]prometheus.Counter

	clientDuration, clientTTFT, serverDuration, serverTTFT, serverTPOT series
	network, queue, prefill, decode, unattributed                      series
	inputTokens, outputTokens                                          series
}

// series is one histogram of a label set. It is found when it is first needed, since
// there is none of what was never known, and only once, since that costs more than to observe.
type series struct {
	of       *prometheus.HistogramVec
	values   []string
	observer prometheus.ExemplarObserver
}

func (x *series) observe(value float64, exemplar prometheus.Labels) {
	if x.observer == nil {
		x.observer = x.of.WithLabelValues(x.values...).(prometheus.ExemplarObserver)
	}
	x.observer.ObserveWithExemplar(value, exemplar)
}

func (x *series) duration(d phase.Duration, exemplar prometheus.Labels) {
	if d.Known() {
		x.observe(time.Duration(d).Seconds(), exemplar)
	}
}

func (x *series) count(n int64) {
	if n >= 0 {
		x.observe(float64(n), nil)
	}
}

// newLabelSet takes values without spare capacity, since it appends to them.
func (m *Requests) newLabelSet(values []string) *labelSet {
	of := func(vec *prometheus.HistogramVec, extra ...string) series {
		return series{of: vec, values: append(values, extra...)}
	}
	set := &labelSet{
		outcomes:       map[phase.Outcome]prometheus.Counter{},
		clientDuration: of(m.clientDuration), clientTTFT: of(m.clientTTFT),
		serverDuration: of(m.serverDuration), serverTTFT: of(m.serverTTFT), serverTPOT: of(m.serverTPOT),
		network: of(m.phases, "network"), queue: of(m.phases, "queue"), prefill: of(m.phases, "prefill"),
		decode: of(m.phases, "decode"), unattributed: of(m.phases, "unattributed"),
		inputTokens: of(m.tokens, "input"), outputTokens: of(m.tokens, "output"),
	}
	for _, outcome := range outcomes { // from 0, as the flags
		set.outcomes[outcome] = m.outcomes.WithLabelValues(append(values, outcome.String())...)
	}
	return set
}

// exemplarEvery is how often a label set gets exemplars: as a scrape keeps but a few,
// and each costs as much as the rest of a request's metrics together.
const exemplarEvery = time.Second

// NewRequests registers the metrics. maxSeries is how many sets of service,
// model and provider are told apart; 0 means DefaultMaxSeries. Requests of
// further sets go to one set with every label `other`, and are counted.
func NewRequests(registerer prometheus.Registerer, maxSeries int) (*Requests, error) {
	if maxSeries == 0 {
		maxSeries = DefaultMaxSeries
	}
	m := &Requests{sets: make(map[[3]string]*labelSet), maxSeries: maxSeries}
	m.clientDuration = histogram("gen_ai_client_operation_duration_seconds",
		"Duration of requests as the client or gateway saw them; successful ones only.", durationBuckets)
	m.clientTTFT = histogram("gen_ai_client_operation_time_to_first_chunk_seconds",
		"Time to first token as the client or gateway saw it.", durationBuckets)
	m.serverDuration = histogram("gen_ai_server_request_duration_seconds",
		"Duration of requests inside the server that runs the model.", durationBuckets)
	m.serverTTFT = histogram("gen_ai_server_time_to_first_token_seconds",
		"Time to first token as the server that runs the model saw it.", durationBuckets)
	m.serverTPOT = histogram("gen_ai_server_time_per_output_token_seconds",
		"Time per output token after the first (TPOT).", tokenBuckets)
	m.phases = histogram("phaseline_request_phase_seconds",
		"Time of each phase of requests, as far as the evidence splits them: network, queue, prefill, decode, unattributed.", durationBuckets, "phase")
	m.outcomes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "phaseline_requests_total", Help: "Requests by outcome: ok, error, cancelled, cache_hit.",
	}, append(labelNames[:len(labelNames):len(labelNames)], "outcome"))
	m.tokens = histogram("gen_ai_client_token_usage",
		"Tokens of the requests that say how many, by gen_ai_token_type: input (cached ones included), output.", usageBuckets, "gen_ai_token_type")
	m.flags = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "phaseline_request_flags_total", Help: "Requests by data-quality flag.",
	}, []string{"flag"})
	m.folded = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "phaseline_metrics_folded_requests_total", Help: "Requests counted under `other` because metrics.max_series sets of labels were there already.",
	})
	for _, c := range []prometheus.Collector{m.clientDuration, m.clientTTFT, m.serverDuration, m.serverTTFT, m.serverTPOT,
		m.phases, m.outcomes, m.tokens, m.flags, m.folded} {
		if err := registerer.Register(c); err != nil {
			return nil, fmt.Errorf("register request metrics: %w", err)
		}
	}
	// From 0, so that the first one is an increase.
	for _, flag := range phase.FlagDocs {
		m.flags.WithLabelValues(flag.Name)
	}
	return m, nil
}

func histogram(name, help string, buckets []float64, extra ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: name, Help: help, Buckets: buckets,
		NativeHistogramBucketFactor:    1.1, // at most 5 % off, and 1 ms to 10 min fit in the 160
		NativeHistogramMaxBucketNumber: 160,
		// A histogram over its bucket number starts anew at most this often,
		// and is made coarser in between.
		NativeHistogramMinResetDuration: time.Hour,
	}, append(labelNames[:len(labelNames):len(labelNames)], extra...))
}

// Observe counts a request. It must be called once for each request: a
// histogram cannot take an observation back. It does not keep r.
func (m *Requests) Observe(r *phase.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	set := m.labelSet(r)
	set.outcomes[r.Outcome].Inc()
	for _, flag := range r.Flags.Names() {
		m.flags.WithLabelValues(flag).Inc()
	}
	if r.Outcome != phase.OutcomeCacheHit { // no model ran: the tokens are those of the original answer
		set.inputTokens.count(r.InputTokens)
		set.outputTokens.count(r.OutputTokens)
	}
	if r.Outcome != phase.OutcomeOK {
		return // the latency of a failure is not the model's
	}
	var exemplar prometheus.Labels
	if set != m.others {
		exemplar = set.exemplar(r, time.Now())
	}
	if r.Vantage == phase.VantageServer {
		set.serverDuration.duration(r.Total, exemplar)
		set.serverTTFT.duration(r.TTFT, exemplar)
	} else {
		set.clientDuration.duration(r.Total, exemplar)
		set.clientTTFT.duration(r.TTFT, exemplar)
		set.serverDuration.duration(r.Server, exemplar)
		set.serverTTFT.duration(r.ServerTTFT, exemplar)
	}
	set.serverTPOT.duration(r.TPOT, exemplar)
	set.network.duration(r.Network, exemplar)
	set.queue.duration(r.Queue, exemplar)
	set.prefill.duration(r.Prefill, exemplar)
	set.decode.duration(r.Decode, exemplar)
	set.unattributed.duration(r.Unattributed, exemplar)
}

// exemplar returns the labels of an exemplar if it is time for one, and nil otherwise.
func (set *labelSet) exemplar(r *phase.Request, now time.Time) prometheus.Labels {
	if now.Sub(set.exampled) < exemplarEvery {
		return nil
	}
	set.exampled = now
	return prometheus.Labels{"trace_id": hex.EncodeToString(r.TraceID[:]), "span_id": hex.EncodeToString(r.SpanID[:])}
}

// labelSet returns that of the request, or the one of every label `other` if there is
// no room for another.
func (m *Requests) labelSet(r *phase.Request) *labelSet {
	key := [3]string{labelValue(r.Service), labelValue(r.Model), labelValue(r.Provider)}
	if set := m.sets[key]; set != nil {
		return set
	}
	if len(m.sets) < m.maxSeries {
		m.sets[key] = m.newLabelSet(key[:])
		return m.sets[key]
	}
	m.folded.Inc()
	if m.others == nil {
		m.others = m.newLabelSet([]string{other, other, other})
	}
	return m.others
}

// labelValue makes telemetry text safe as a label: valid UTF-8, one line,
// bounded.
func labelValue(s string) string {
	if len(s) > maxLabelLength {
		s = s[:maxLabelLength]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(s, "_"))
}
