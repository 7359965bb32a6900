package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// sample draws a token count.
func (l Lognormal) sample(rng *rand.Rand, factor float64) int {
	n := int(math.Round(l.Median * factor * math.Exp(l.Sigma*rng.NormFloat64())))
	return max(1, min(n, l.Max))
}

// activeSessions is how many conversations of one client go on at a time.
const activeSessions = 64

// prompt gives a call its conversation and its tokens. A follow-up repeats the
// whole conversation so far, which is what a prefix cache lives on.
func (s *Simulation) prompt(k *call, e effects) {
	c, tr := k.client, k.truth
	fresh := c.Input.sample(s.rng, e.input)
	tr.OutputTokens = c.Output.sample(s.rng, 1)
	var at *session
	if len(c.sessions) > 0 && s.rng.Float64() < c.FollowUps {
		at = &c.sessions[s.rng.IntN(len(c.sessions))]
		if at.busy > tr.Start || at.tokens+fresh > c.Input.Max {
			at = nil
		}
	}
	if at == nil {
		fresh := session{key: s.rng.Uint64() | 1, user: 1 + s.rng.IntN(400), tokens: c.SystemTokens}
		if len(c.sessions) < activeSessions {
			c.sessions = append(c.sessions, fresh)
			at = &c.sessions[len(c.sessions)-1]
		} else {
			at = &c.sessions[s.rng.IntN(len(c.sessions))]
			*at = fresh
		}
	}
	k.historyTokens = at.tokens
	tr.InputTokens = at.tokens + fresh
	at.tokens = tr.InputTokens + tr.OutputTokens
	at.busy = tr.Start + 20e9 // until the answer has been read
	k.systemKey, k.systemTokens = uint64(c.number), c.SystemTokens
	k.sessionKey = at.key
	k.user = fmt.Sprintf("u-%03d", at.user)
	k.session = fmt.Sprintf("s-%012x", at.key>>16)
}
