// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package encode

import (
	"encoding/hex"
	"math/bits"
)

// item is a span or log record: its bytes with tag and length, and where it belongs.
type item struct {
	whole           []byte
	resource, scope int32
	group           int32
}

// sorter collects the items of a request, then writes them group by group.
type sorter struct {
	resources []container
	scopes    []container
	items     []item
	groups    map[[16]byte]int32
	ids       [][16]byte
	counts    []int32
}

// byTraceID makes one record of each trace in the marshalled request, in the order in which they appear. items is the
// expected number of items.
func byTraceID(value []byte, traceField, items int) ([]Record, error) {
	s := &sorter{groups: make(map[[16]byte]int32), items: make([]item, 0, items)}
	if err := s.collect(value, traceField); err != nil {
		return nil, err
	}
	return s.write(), nil
}

func (s *sorter) collect(value []byte, traceField int) error {
	_, err := each(value, fieldResource, func(resource, _ []byte) error {
		c, err := each(resource, fieldScope, func(scope, _ []byte) error {
			c, err := each(scope, fieldItem, func(content, whole []byte) error {
				return s.add(content, whole, traceField)
			})
			s.scopes = append(s.scopes, c)
			return err
		})
		s.resources = append(s.resources, c)
		return err
	})
	return err
}

// add notes an item of the resource and scope that are being read; their containers get the next indices.
func (s *sorter) add(content, whole []byte, traceField int) error {
	id, err := bytesField(content, traceField)
	if err != nil {
		return err
	}
	var key [16]byte
	copy(key[:], id)
	group, known := s.groups[key]
	if !known {
		group = int32(len(s.ids))
		s.groups[key] = group
		s.ids = append(s.ids, key)
		s.counts = append(s.counts, 0)
	}
	s.counts[group]++
	s.items = append(s.items, item{whole, int32(len(s.resources)), int32(len(s.scopes)), group})
	return nil
}

// write builds the records. All values share one slab, all keys another, so that the number of allocations does not
// grow with the number of traces.
func (s *sorter) write() []Record {
	sorted := s.byGroup()
	bound := s.bound(sorted)
	slab := make([]byte, bound)
	keys := make([]byte, 0, len(s.ids)*hex.EncodedLen(16))
	records := make([]Record, len(s.ids))
	end := 0
	for group, id := range s.ids {
		count := int(s.counts[group])
		items := sorted[end : end+count]
		end += count
		// Written backwards, lengths are known when they are due. Each value takes the end of what is left.
		start := s.writeGroup(slab, items)
		records[group] = Record{Value: slab[start:len(slab):len(slab)], Items: count}
		slab = slab[:start]
		if id != ([16]byte{}) {
			keys = hex.AppendEncode(keys, id[:])
			records[group].Key = keys[len(keys)-32 : len(keys) : len(keys)]
		}
	}
	return records
}

// byGroup sorts the items by group and keeps their order within a group (counting sort).
func (s *sorter) byGroup() []item {
	next := make([]int32, len(s.counts))
	var sum int32
	for group, count := range s.counts {
		next[group] = sum
		sum += count
	}
	sorted := make([]item, len(s.items))
	for _, it := range s.items {
		sorted[next[it.group]] = it
		next[it.group]++
	}
	return sorted
}

// bound returns the room that all groups need, counting the most that a tag and a length can take.
func (s *sorter) bound(sorted []item) int {
	const tagAndLength = 11
	total := 0
	for i, it := range sorted {
		total += len(it.whole)
		first := i == 0 || sorted[i-1].group != it.group
		if first || sorted[i-1].scope != it.scope {
			total += tagAndLength + len(s.scopes[it.scope].head) + len(s.scopes[it.scope].tail)
		}
		if first || sorted[i-1].resource != it.resource {
			total += tagAndLength + len(s.resources[it.resource].head) + len(s.resources[it.resource].tail)
		}
	}
	return total
}

// writeGroup writes one group's items, wrapped in their scopes and resources, to the end of slab, and returns where it
// begins.
func (s *sorter) writeGroup(slab []byte, items []item) int {
	at := len(slab)
	for last := len(items) - 1; last >= 0; {
		resource := items[last].resource
		resourceEnd := at
		at = before(slab, at, s.resources[resource].tail)
		for last >= 0 && items[last].resource == resource {
			scope := items[last].scope
			scopeEnd := at
			at = before(slab, at, s.scopes[scope].tail)
			for ; last >= 0 && items[last].scope == scope; last-- {
				at = before(slab, at, items[last].whole)
			}
			at = before(slab, at, s.scopes[scope].head)
			at = prefix(slab, at, fieldScope, scopeEnd-at)
		}
		at = before(slab, at, s.resources[resource].head)
		at = prefix(slab, at, fieldResource, resourceEnd-at)
	}
	return at
}

// before copies b to the bytes that end at position at and returns where it begins.
func before(slab []byte, at int, b []byte) int {
	return at - copy(slab[at-len(b):at], b)
}

// prefix writes the tag and the length of a length-delimited field before position at and returns where they begin.
// All field numbers here are below 16, so the tag is one byte.
func prefix(slab []byte, at, number, length int) int {
	size := (bits.Len64(uint64(length)|1) + 6) / 7
	at -= size
	rest := uint64(length)
	for i := range size {
		slab[at+i] = byte(rest) | 0x80
		rest >>= 7
	}
	slab[at+size-1] &= 0x7f
	at--
	slab[at] = byte(number<<3 | wireBytes)
	return at
}
