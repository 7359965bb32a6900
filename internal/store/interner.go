package store

// maxInterned bounds an interner: past it, it starts anew.
const maxInterned = 1 << 15

// interner gives equal texts one address.
type interner struct{ known map[string]*string }

func (n *interner) text(s string) *string {
	if p := n.known[s]; p != nil {
		return p
	}
	return n.keep(s)
}

func (n *interner) bytes(s []byte) *string {
	if p := n.known[string(s)]; p != nil {
		return p
	}
	return n.keep(string(s))
}

func (n *interner) keep(s string) *string {
	p := new(string)
	*p = s
	n.known[s] = p
	return p
}

// bound forgets everything if too much is known. Only call it between blocks.
func (n *interner) bound() {
	if len(n.known) > maxInterned || n.known == nil {
		n.known = map[string]*string{}
	}
}
