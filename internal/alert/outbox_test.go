package alert

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// picky is a target that refuses what is about one group.
type picky struct {
	ear
	refuses string
}

func (p *picky) Send(ctx context.Context, messages []Message) error {
	if messages[0].Group[0].Value == p.refuses {
		p.tries.Add(1)
		return errors.New("answered 400")
	}
	return p.ear.Send(ctx, messages)
}

// What a target refuses is tried again and holds up no other alert, while the
// messages of one alert stay in order.
func TestWhatIsRefusedHoldsUpNoOtherAlert(t *testing.T) {
	target := &picky{refuses: "odd"}
	var c counts
	o := newOutbox([]Target{target}, newMemoryLedger(), time.Now, zap.NewNop(), &c)
	send := func(service string, event Event) {
		group := []Label{{"service", service}}
		o.add(Transition{Rule: "slow", Group: group, At: time.Now(), Message: &Message{Group: group, Event: event}, Deliveries: o.deliveries()})
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { o.run(ctx, func() []Message { return nil }) })
	defer running.Wait()
	defer stop()
	send("odd", EventFiring)
	send("odd", EventResolved)
	send("chat", EventFiring)
	send("chat", EventResolved)
	require.Eventually(t, func() bool { return len(target.events()) == 2 }, 3*time.Second, time.Millisecond)
	assert.Equal(t, []Event{EventFiring, EventResolved}, target.events())
	assert.LessOrEqual(t, target.tries.Load(), int64(2+3), "the refused message waits longer each time, and the one after it for its turn")
	o.mu.Lock()
	defer o.mu.Unlock()
	require.NotEmpty(t, o.waiting)
	assert.Equal(t, "answered 400", o.waiting[0].Deliveries[0].Error)
	assert.Zero(t, o.waiting[1].Deliveries[0].Tries)
}

func TestRulesAreTheSameByWhatTheySay(t *testing.T) {
	rule := func() Rule {
		return Rule{Name: "budget", Kind: KindSLO, SLO: &Objective{Target: 0.99}, Labels: map[string]string{"team": "a", "tier": "1"}}
	}
	a, b := rule(), rule()
	assert.True(t, sameRule(a, b))
	b.SLO.Target = 0.9
	assert.False(t, sameRule(a, b))
}
