package store

import "container/heap"

// agenda is a heap of traces by due time.
type agenda []*trace

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].due.Before(a[j].due) }
func (a agenda) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].position, a[j].position = i, j
}

func (a *agenda) Push(x any) {
	t := x.(*trace)
	t.position = len(*a)
	*a = append(*a, t)
}

func (a *agenda) Pop() any {
	last := len(*a) - 1
	t := (*a)[last]
	(*a)[last] = nil
	*a = (*a)[:last]
	t.position = -1
	return t
}

// put enters t, or moves it to where its due time has it now.
func (a *agenda) put(t *trace) {
	switch {
	case t.position < 0:
		heap.Push(a, t)
	default:
		heap.Fix(a, t.position)
	}
}
