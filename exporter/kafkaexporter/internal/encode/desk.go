// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package encode

// desk is where a request is sorted by key. It is needed only while that goes on, unlike the slab, which the records keep.
type desk struct {
	// written holds every resource, scope and item of a request once.
	written   []byte
	resources []parent
	scopes    []span // of all resources

	items, sorted []item

	// Groups are numbered in the order in which their keys, ids, appear; counts are their items.
	groups map[[16]byte]int32
	ids    [][16]byte
	counts []int32
	next   []int32 // where each group's next item goes
	first  []int32 // the first and the last resource of each group
	last   []int32
	after  []int32 // the resource behind each in its group, -1 if there is none
	ends   []span
}

// item is a span or log record, where it is written, and the record that it belongs to.
type item struct {
	resource, scope, group int32
	span
}

// parent is a resource: where it is written, and which is the first of its scopes.
type parent struct {
	span
	scopes int32
}

// desk returns an empty desk.
func (m *Memory) desk() *desk {
	d, ok := m.desks.Get().(*desk)
	if !ok {
		return &desk{groups: make(map[[16]byte]int32)}
	}
	clear(d.groups)
	d.ids, d.counts, d.items = d.ids[:0], d.counts[:0], d.items[:0]
	d.written, d.resources, d.scopes = d.written[:0], d.resources[:0], d.scopes[:0]
	d.first, d.last = d.first[:0], d.last[:0]
	return d
}

func (m *Memory) putDesk(d *desk) {
	if cap(d.written) <= maxKept {
		m.desks.Put(d)
	}
}

// groupOf returns the number of a key's group, which is new if the key is.
func (d *desk) groupOf(id [16]byte) int32 {
	group, known := d.groups[id]
	if !known {
		group = int32(len(d.ids))
		d.groups[id] = group
		d.ids = append(d.ids, id)
		d.counts = append(d.counts, 0)
	}
	return group
}

// empty returns a slice of n zero values, in the memory of s if that is enough.
func empty[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}
