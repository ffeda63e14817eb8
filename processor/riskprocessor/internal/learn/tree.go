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
	children int32 // last child, -1 for none
	sibling  int32 // child of the same parent before this one, -1 for none
}

// tree is the spans of one trace, or of a part of it, with what the model asks about them. It is reused.
type tree struct {
	spans  []Span
	order  []int32 // places of the spans by start
	nodes  []node
	byID   table
	groups []group // one for each different operation
	byOp   table
	walks  uint32 // calls of childSet
	shape  uint32 // hash of the set of operations
	set    []uint32
}

// build takes in the spans. It keeps the slice until the next call.
func (t *tree) build(spans []Span) {
	t.spans = spans
	t.order, t.nodes, t.groups, t.walks = t.order[:0], t.nodes[:0], t.groups[:0], 0
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
			t.groups = append(t.groups, group{operation: s.Operation, mixed: uint32(mix(s.Operation))})
			t.shape += t.groups[g].mixed
		}
		t.groups[g].spans++
		t.groups[g].unseen++
		t.nodes = append(t.nodes, node{parent: -1, group: g, self: max(s.End-s.Start, 0), covered: s.Start, children: -1, sibling: -1})
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
	t.nodes[child].sibling, p.children = p.children, child
}

// childSet returns the different operations of a span's children, and the hash of the set. It is valid until the next
// call. Operations are marked as they are found: to look for each in the set would take a span with very many different
// children very long.
func (t *tree) childSet(n *node) (set []uint32, hash uint32) {
	t.set = t.set[:0]
	t.walks++
	hash = 1
	for c := n.children; c >= 0; c = t.nodes[c].sibling {
		g := &t.groups[t.nodes[c].group]
		if g.found != t.walks {
			g.found = t.walks
			t.set = append(t.set, g.mixed)
			hash += g.mixed
		}
	}
	return t.set, hash
}

// mix spreads the bits of a hash, so that sums of mixed hashes identify sets.
func mix(x uint64) uint64 {
	x ^= x >> 32
	x *= 0x9e3779b97f4a7c15
	return x ^ x>>29
}
