// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package encode

import (
	"encoding/hex"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/otlp"
)

// byTraceID makes one record of each trace, in the order in which they appear.
//
// Every resource, scope and item is written once, in the order of the request, and copied from there into its records. Writing
// the items trace by trace would save that copy; but where traces are mixed it jumps about in memory that no cache holds, which
// costs several times as much.
func (s *slab) byTraceID(data traced) []Record {
	d := s.home.desk()
	defer s.home.putDesk(d)
	d.write(data)
	d.sort()
	end := len(d.sorted)
	for group := len(d.ids) - 1; group >= 0; group-- {
		count := int(d.counts[group])
		to := s.writer.Mark()
		d.join(&s.writer, data, d.sorted[end-count:end])
		d.ends[group] = span{s.writer.Mark(), to}
		end -= count
	}
	keys := make([]byte, 0, len(d.ids)*hex.EncodedLen(16))
	records := make([]Record, len(d.ids))
	for group, id := range d.ids {
		records[group] = s.record(d.ends[group], int(d.counts[group]))
		if id != ([16]byte{}) {
			keys = hex.AppendEncode(keys, id[:])
			records[group].Key = keys[len(keys)-32 : len(keys) : len(keys)]
		}
	}
	return records
}

// write writes everything once and finds the items' groups.
func (d *desk) write(data traced) {
	w := &d.written
	w.Reset(0)
	group, last := int32(-1), [16]byte{}
	for resource := range data.resources() {
		to := w.Mark()
		w.Resource(data.resource(resource))
		d.resources = append(d.resources, parent{span{w.Mark(), to}, int32(len(d.scopes))})
		for scope := range data.scopes(resource) {
			to := w.Mark()
			w.Scope(data.scope(resource, scope))
			d.scopes = append(d.scopes, span{w.Mark(), to})
			for i := range data.scopeItems(resource, scope) {
				at := place{int32(resource), int32(scope), int32(i)}
				// Spans of one trace often stand together.
				if id := [16]byte(data.traceID(at)); id != last || group < 0 {
					group, last = d.groupOf(id), id
				}
				d.counts[group]++
				to := w.Mark()
				data.writeItem(w, at)
				d.items = append(d.items, item{at.resource, at.scope, group, span{w.Mark(), to}})
			}
		}
	}
	d.ends = empty(d.ends, len(d.ids))
}

// sort sorts the items by group and keeps their order within a group (counting sort).
func (d *desk) sort() {
	d.next = empty(d.next, len(d.counts))
	var sum int32
	for group, count := range d.counts {
		d.next[group] = sum
		sum += count
	}
	d.sorted = empty(d.sorted, len(d.items))
	for i := range d.items {
		at := &d.next[d.items[i].group]
		d.sorted[*at] = d.items[i]
		*at++
	}
}

// join copies one group's items, wrapped in their scopes and resources.
func (d *desk) join(w *otlp.Writer, data traced, items []item) {
	for last := len(items) - 1; last >= 0; {
		resource := items[last].resource
		resourceEnd := w.Mark()
		d.copy(w, d.resources[resource].span)
		for last >= 0 && items[last].resource == resource {
			scope := items[last].scope
			scopeEnd := w.Mark()
			d.copy(w, d.scopes[d.resources[resource].scopes+scope])
			for ; last >= 0 && items[last].resource == resource && items[last].scope == scope; last-- {
				d.copy(w, items[last].span)
			}
			w.Schema(data.scopeSchema(int(resource), int(scope)))
			w.Prefix(otlp.TagScope, scopeEnd)
		}
		w.Schema(data.schema(int(resource)))
		w.Prefix(otlp.TagResource, resourceEnd)
	}
}

func (d *desk) copy(w *otlp.Writer, what span) { w.Paste(d.written.Bytes(what.from, what.to)) }
