package simulate

import "container/list"

// prefixCache keeps the KV of finished prefixes, least recently used first out.
// A prefix is a system prompt or a conversation, named by a key; 0 names none.
type prefixCache struct {
	limit, held int // tokens
	entries     map[uint64]*list.Element
	recent      *list.List // front is the newest
	off         bool       // nothing is found while a shared cache is away
}

type prefixEntry struct {
	key    uint64
	tokens int
}

func newPrefixCache(limit int) *prefixCache {
	return &prefixCache{limit: limit, entries: map[uint64]*list.Element{}, recent: list.New()}
}

// lookup is how many of a call's prompt tokens need no prefill: whole blocks
// only, and never the whole prompt, since its last token makes the first output.
func (p *prefixCache) lookup(c *call) int {
	found := max(p.reusable(c.systemKey, c.systemTokens), p.reusable(c.sessionKey, c.historyTokens))
	found = min(found, c.truth.InputTokens-1)
	return max(found-found%blockTokens, 0)
}

func (p *prefixCache) reusable(key uint64, tokens int) int {
	e, ok := p.entries[key]
	if !ok || key == 0 || p.off {
		return 0
	}
	p.recent.MoveToFront(e)
	return min(e.Value.(*prefixEntry).tokens, tokens)
}

func (p *prefixCache) insert(key uint64, tokens int) {
	if key == 0 || p.off {
		return
	}
	if e, ok := p.entries[key]; ok {
		entry := e.Value.(*prefixEntry)
		p.held += tokens - entry.tokens
		entry.tokens = tokens
		p.recent.MoveToFront(e)
	} else {
		p.entries[key] = p.recent.PushFront(&prefixEntry{key, tokens})
		p.held += tokens
	}
	for p.held > p.limit && p.recent.Len() > 0 {
		oldest := p.recent.Remove(p.recent.Back()).(*prefixEntry)
		delete(p.entries, oldest.key)
		p.held -= oldest.tokens
	}
}
