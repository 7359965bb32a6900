package simulate

import (
	"fmt"
	"iter"
	"time"
)

// Scenario is a serving system and what happens to it.
type Scenario struct {
	Clients   []Client
	Gateways  []Gateway
	Pools     []Pool
	Incidents []Incident
	Faults    Faults
	// Rhythm is the factor on every client's rate at a time; nil is 1.
	Rhythm func(unixNano int64) float64
	// Sampling is the share of traces kept by the senders' head sampler at a
	// time; nil keeps all. The engines serve the rest all the same.
	Sampling func(unixNano int64) float64

	near             []Incident // those that overlap [nearFrom, nearTo)
	nearFrom, nearTo int64
}

// Client is an application that calls a model.
type Client struct {
	Service, Version, Environment string
	Dialect                       Dialect
	Gateway                       string // empty: straight to the pool
	Pool                          string
	Model                         string // the name it asks for
	Provider                      string
	Route                         string // http.route of the application, a dimension of the demo
	Regions                       []Region
	Rate                          float64 // requests per second, before the rhythm
	Input, Output                 Lognormal
	SystemTokens                  int     // system prompt shared by all calls
	FollowUps                     float64 // share of calls that continue a conversation
	Streaming                     float64 // share of calls that stream
	Retries, Errors, Aborts       float64 // shares of calls
	Tools                         float64 // share of calls whose client-side tool runs inside the step (VercelAI)
}

// Region is where a client runs; RTT is to the gateway or the engine.
type Region struct {
	Name   string
	Weight float64
	RTT    time.Duration
	Jitter time.Duration // median of the delay added to each direction
}

// Lognormal is a distribution of token counts.
type Lognormal struct {
	Median float64
	Sigma  float64 // of the logarithm
	Max    int
}

// Gateway is a proxy between clients and pools.
type Gateway struct {
	Service, Version string
	Dialect          Dialect
	Overhead         time.Duration // median of what it adds before the upstream call
	CacheHits        float64       // share of first calls answered by its semantic cache
}

// Pool is a set of replicas of one model.
type Pool struct {
	Service, Version string
	Dialect          Dialect
	Engine           EngineConfig
	Replicas         int
}

// Faults is what goes wrong between senders and the receiver. Shares are of
// export requests.
type Faults struct {
	Flush           time.Duration // interval of the exporters
	Delay           time.Duration // mean extra delay of an export request
	Skew            time.Duration // clocks are off by up to this, either way
	Loss, Duplicate float64
	Late            float64 // share that arrives LateBy later, as after a retry
	LateBy          time.Duration
}

// IncidentKind names what an incident does.
type IncidentKind string

const (
	QueueSaturation IncidentKind = "queue saturation"
	BadDeploy       IncidentKind = "bad deploy"
	NetworkDegraded IncidentKind = "network degradation"
	PromptMixShift  IncidentKind = "prompt-mix shift"
	CacheOutage     IncidentKind = "cache outage"
)

// Incident changes the system from From to To (Unix nanoseconds).
type Incident struct {
	Kind     IncidentKind `json:"kind"`
	From     int64        `json:"from_unix_nano"`
	To       int64        `json:"to_unix_nano"`
	Label    string       `json:"label"`
	Service  string       `json:"service,omitempty"` // the client it concerns, where it is one
	Version  string       `json:"version,omitempty"` // BadDeploy: the service.version that appears
	Region   string       `json:"region,omitempty"`  // NetworkDegraded
	Pool     string       `json:"pool,omitempty"`
	Strength float64      `json:"strength"` // kind's own factor, see effects
}

// effects is what the incidents under way at one moment do to one client.
type effects struct {
	version   string
	slowdown  float64       // factor on prefill
	input     float64       // factor on input tokens
	network   time.Duration // added to each direction, times a heavy tail
	cacheOff  bool
	poolSlots float64 // share of the pool's replicas that serve
}

// underWay yields the incidents under way at t. A demo has thousands of them to
// come; those around the present are kept apart.
func (s *Scenario) underWay(t int64) iter.Seq[*Incident] {
	if t < s.nearFrom || t >= s.nearTo {
		const around = int64(30 * time.Minute)
		s.nearFrom, s.nearTo = t-around, t+around
		s.near = overlapping(s.Incidents, s.nearFrom, s.nearTo)
	}
	return func(yield func(*Incident) bool) {
		for i := range s.near {
			if in := &s.near[i]; t >= in.From && t < in.To && !yield(in) {
				return
			}
		}
	}
}

func overlapping(all []Incident, from, to int64) []Incident {
	var out []Incident
	for _, in := range all {
		if in.To > from && in.From < to {
			out = append(out, in)
		}
	}
	return out
}

func (s *Scenario) effects(t int64, c *Client, region string) effects {
	e := effects{version: c.Version, slowdown: 1, input: 1, poolSlots: 1}
	for in := range s.underWay(t) {
		mine := in.Service == "" || in.Service == c.Service
		switch in.Kind {
		case QueueSaturation:
			if in.Pool == c.Pool {
				e.poolSlots = 1 / in.Strength
			}
		case BadDeploy:
			if mine {
				e.version, e.slowdown = in.Version, in.Strength
			}
		case NetworkDegraded:
			if in.Region == region {
				e.network = time.Duration(in.Strength * float64(time.Millisecond))
			}
		case PromptMixShift:
			if mine {
				e.input = in.Strength
			}
		case CacheOutage:
			e.cacheOff = true
		}
	}
	return e
}

// peak is the rhythm while a pool is saturated, at any hour of the day.
const peak = 1.9

// rhythm is the factor on a client's rate at a time.
func (s *Scenario) rhythm(t int64, c *Client) float64 {
	for in := range s.underWay(t) {
		if in.Kind == QueueSaturation && in.Service == c.Service {
			return peak
		}
	}
	if s.Rhythm == nil {
		return 1
	}
	return s.Rhythm(t)
}

// Validate names the first reference that leads nowhere.
func (s *Scenario) Validate() error {
	gateways, pools := map[string]bool{"": true}, map[string]bool{}
	for _, g := range s.Gateways {
		gateways[g.Service] = true
	}
	for _, p := range s.Pools {
		pools[p.Service] = true
		if p.Replicas < 1 {
			return fmt.Errorf("pool %s: needs at least one replica", p.Service)
		}
	}
	for _, c := range s.Clients {
		if !gateways[c.Gateway] {
			return fmt.Errorf("client %s: no gateway %q", c.Service, c.Gateway)
		}
		if !pools[c.Pool] {
			return fmt.Errorf("client %s: no pool %q", c.Service, c.Pool)
		}
		if len(c.Regions) == 0 {
			return fmt.Errorf("client %s: needs a region", c.Service)
		}
	}
	return nil
}
