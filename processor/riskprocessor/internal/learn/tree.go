// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import "slices"

// Span is what the model needs to know of a span.
type Span struct {
	// ID and Parent are span ids; a parent that is not among the spans makes the span a root.
	ID, Parent uint64
	// Operation is a hash of the service and the span's name, the same after a restart.
	Operation uint64
	// Start and End are in nanoseconds of any clock, the same for all spans of the call.
	Start, End int64
	// Failed says that the span's status is an error.
	Failed bool
}

// node is what a span's place in its tree says about it.
type node struct {
	parent   int32 // -1 for a root
	group    int32
	self     int64 // duration without the time that children cover
	covered  int64 // end of what children cover so far
	children int32 // first of the list of different child operations, in links
}

// link is one different operation among a span's children.
type link struct {
	operation uint32
	next      int32
}

// tree is the spans of one trace, or of a part of it, with what the model asks about them. It is reused.
type tree struct {
	spans  []Span
	order  []int32 // places of the spans by start
	nodes  []node
	links  []link
	byID   table
	groups []group // one for each different operation
	byOp   table
	shape  uint32 // hash of the set of operations
	set    []uint32
}

// build takes in the spans. It keeps the slice until the next call.
func (t *tree) build(spans []Span) {
	t.spans = spans
	t.order, t.nodes, t.links, t.groups = t.order[:0], t.nodes[:0], t.links[:0], t.groups[:0]
	t.byID.reset(len(spans))
	t.byOp.reset(len(spans))
	t.shape = 0
	for i := range spans {
		s := &spans[i]
		t.order = append(t.order, int32(i))
		t.byID.put(s.ID, int32(i))
		g, known := t.byOp.get(s.Operation)
		if !known {
			g = int32(len(t.groups))
			t.byOp.put(s.Operation, g)
			t.groups = append(t.groups, group{operation: s.Operation})
			t.shape += uint32(mix(s.Operation))
		}
		t.groups[g].spans++
		t.groups[g].unseen++
		t.nodes = append(t.nodes, node{parent: -1, group: g, self: max(s.End-s.Start, 0), covered: s.Start, children: -1})
	}
	byStart := func(a, b int32) int {
		switch x, y := spans[a].Start, spans[b].Start; {
		case x < y:
			return -1
		case x > y:
			return 1
		default:
			return 0
		}
	}
	if !slices.IsSortedFunc(t.order, byStart) {
		slices.SortStableFunc(t.order, byStart)
	}
	for _, i := range t.order {
		if p, known := t.byID.get(spans[i].Parent); known && p != i {
			t.attach(i, p)
		}
	}
}

// attach makes one span the child of another. Children come in the order of their start, so that the union of their
// times is a walk.
func (t *tree) attach(child, parent int32) {
	t.nodes[child].parent = parent
	p, c, s := &t.nodes[parent], &t.spans[child], &t.spans[parent]
	from, to := max(c.Start, p.covered), min(c.End, s.End)
	if to > from {
		p.self -= to - from
		p.covered = to
	}
	op := uint32(mix(c.Operation))
	for l := p.children; l >= 0; l = t.links[l].next {
		if t.links[l].operation == op {
			return
		}
	}
	t.links = append(t.links, link{operation: op, next: p.children})
	p.children = int32(len(t.links) - 1)
}

// childSet returns the different operations of a span's children, and the hash of the set. It is valid until the next
// call.
func (t *tree) childSet(n *node) (set []uint32, hash uint32) {
	t.set = t.set[:0]
	hash = 1
	for l := n.children; l >= 0; l = t.links[l].next {
		t.set = append(t.set, t.links[l].operation)
		hash += t.links[l].operation
	}
	return t.set, hash
}

// mix spreads the bits of a hash, so that sums of mixed hashes identify sets.
func mix(x uint64) uint64 {
	x ^= x >> 32
	x *= 0x9e3779b97f4a7c15
	return x ^ x>>29
}
