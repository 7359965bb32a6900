package query

import (
	"fmt"
	"sync"
)

// hourCache remembers what whole hours answered, by question, for as long as the
// rows of an hour stay the same: a page that is looked at again, a minute later,
// reads what is new. Which rows there are is asked for each time (see Engine.plan),
// so an answer is never older than one that remembers nothing.
type hourCache struct {
	room int64 // bytes, roughly

	mu        sync.Mutex
	used      int64
	clock     uint64
	questions map[string]*rememberedHours
}

// rememberedHours are the hours of one question.
type rememberedHours struct {
	hours map[int64]hourAnswer // by their start, Unix s
	size  int64
	last  uint64 // when it was asked
}

// hourAnswer is what the rows of one hour answer.
type hourAnswer struct {
	state  uint64 // tells the rows from others
	groups []hourGroup
}

// hourGroup is one group of an hour.
type hourGroup struct {
	key        key
	counts     Counts
	counted    int64
	amounts    [inputTokens]amount
	histograms [][]byte // encoded, as reading.histograms
}

func newHourCache(room int64) *hourCache {
	return &hourCache{room: room, questions: map[string]*rememberedHours{}}
}

// get returns the answers of those hours whose state is the one given.
func (c *hourCache) get(question string, states map[int64]uint64) map[int64]hourAnswer {
	known := map[int64]hourAnswer{}
	c.mu.Lock()
	defer c.mu.Unlock()
	q := c.questions[question]
	if q == nil {
		return known
	}
	c.clock++
	q.last = c.clock
	for hour, state := range states {
		if a, ok := q.hours[hour]; ok && a.state == state {
			known[hour] = a
		}
	}
	return known
}

// put remembers answers and forgets the questions that were not asked for longest.
func (c *hourCache) put(question string, answers map[int64]hourAnswer) {
	var size int64
	for _, a := range answers {
		size += a.size()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	q := c.questions[question]
	if q == nil {
		q = &rememberedHours{hours: map[int64]hourAnswer{}}
	}
	for hour := range answers {
		if old, ok := q.hours[hour]; ok {
			size -= old.size()
		}
	}
	// No question takes more than a quarter.
	if q.size+size > c.room/4 {
		c.forget(question)
		return
	}
	for hour, a := range answers {
		q.hours[hour] = a
	}
	c.clock++
	q.last = c.clock
	q.size += size
	c.used += size
	if _, ok := c.questions[question]; !ok {
		c.questions[question] = q
	}
	for c.used > c.room {
		c.forget(c.oldest())
	}
}

func (c *hourCache) forget(question string) {
	if q := c.questions[question]; q != nil {
		c.used -= q.size
		delete(c.questions, question)
	}
}

func (c *hourCache) oldest() string {
	var oldest string
	for name, q := range c.questions {
		if oldest == "" || q.last < c.questions[oldest].last {
			oldest = name
		}
	}
	return oldest
}

// size is about how many bytes the answer takes.
func (a hourAnswer) size() int64 {
	size := int64(64)
	for _, g := range a.groups {
		size += 512
		for _, k := range g.key {
			size += int64(len(k))
		}
		for _, h := range g.histograms {
			size += int64(len(h)) + 24
		}
	}
	return size
}

// name tells a statement from others, with what it is asked of.
func (s *statement) name() string { return fmt.Sprintf("%s %q", s.sql.String(), s.args) }
