// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package encode

import (
	"encoding/hex"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/otlp"
)

// item is a span or log record and the record that it belongs to.
type item struct {
	place
	group int32
}

// byTraceID makes one record of each trace, in the order in which they appear. Every item is written once, where it stays;
// a resource or scope is written once and then copied.
func (s *slab) byTraceID(data traced) []Record {
	s.collect(data)
	s.sort()
	s.resources = empty(s.resources, data.resources())
	scopes := 0
	for i := range data.resources() {
		scopes = max(scopes, data.scopes(i))
	}
	s.scopes = empty(s.scopes, scopes*data.resources())
	s.ends = empty(s.ends, len(s.ids))
	end := len(s.sorted)
	for group := len(s.ids) - 1; group >= 0; group-- {
		count := int(s.counts[group])
		to := s.writer.Mark()
		s.writeGroup(data, scopes, s.sorted[end-count:end])
		s.ends[group] = span{s.writer.Mark(), to}
		end -= count
	}
	keys := make([]byte, 0, len(s.ids)*hex.EncodedLen(16))
	records := make([]Record, len(s.ids))
	for group, id := range s.ids {
		records[group] = s.record(s.ends[group], int(s.counts[group]))
		if id != ([16]byte{}) {
			keys = hex.AppendEncode(keys, id[:])
			records[group].Key = keys[len(keys)-32 : len(keys) : len(keys)]
		}
	}
	return records
}

// collect lists the items with their groups.
func (s *slab) collect(data traced) {
	clear(s.groups)
	s.ids, s.counts, s.items = s.ids[:0], s.counts[:0], s.items[:0]
	var last [16]byte
	group := int32(-1)
	for resource := range data.resources() {
		for scope := range data.scopes(resource) {
			for i := range data.scopeItems(resource, scope) {
				at := place{int32(resource), int32(scope), int32(i)}
				// Spans of one trace mostly stand together.
				if id := [16]byte(data.traceID(at)); id != last || group < 0 {
					group, last = s.groupOf(id), id
				}
				s.counts[group]++
				s.items = append(s.items, item{at, group})
			}
		}
	}
}

func (s *slab) groupOf(id [16]byte) int32 {
	group, known := s.groups[id]
	if !known {
		group = int32(len(s.ids))
		s.groups[id] = group
		s.ids = append(s.ids, id)
		s.counts = append(s.counts, 0)
	}
	return group
}

// sort sorts the items by group and keeps their order within a group (counting sort).
func (s *slab) sort() {
	next := make([]int32, len(s.counts))
	var sum int32
	for group, count := range s.counts {
		next[group] = sum
		sum += count
	}
	s.sorted = empty(s.sorted, len(s.items))
	for _, it := range s.items {
		s.sorted[next[it.group]] = it
		next[it.group]++
	}
}

// writeGroup writes one group's items, wrapped in their scopes and resources.
func (s *slab) writeGroup(data traced, scopes int, items []item) {
	w := &s.writer
	for last := len(items) - 1; last >= 0; {
		resource := items[last].resource
		resourceEnd := w.Mark()
		s.again(&s.resources[resource], func() { w.Resource(data.resource(int(resource))) })
		for last >= 0 && items[last].resource == resource {
			scope := items[last].scope
			scopeEnd := w.Mark()
			s.again(&s.scopes[int(resource)*scopes+int(scope)], func() { w.Scope(data.scope(int(resource), int(scope))) })
			for ; last >= 0 && items[last].resource == resource && items[last].scope == scope; last-- {
				data.writeItem(w, items[last].place)
			}
			w.Schema(data.scopeSchema(int(resource), int(scope)))
			w.Prefix(otlp.TagScope, scopeEnd)
		}
		w.Schema(data.schema(int(resource)))
		w.Prefix(otlp.TagResource, resourceEnd)
	}
}

// again writes what was written at a place before, the first time by write.
func (s *slab) again(at *span, write func()) {
	if at.from != 0 {
		s.writer.Copy(at.from, at.to)
		return
	}
	at.to = s.writer.Mark()
	write()
	at.from = s.writer.Mark()
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
