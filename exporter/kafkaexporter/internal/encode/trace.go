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
	start := 0
	for group := range d.ids {
		from, end := len(s.bytes), start+int(d.counts[group])
		s.bytes = d.join(s.bytes, data, d.sorted[start:end])
		d.ends[group] = span{from, len(s.bytes)}
		start = end
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
	b := d.written
	group, last := int32(-1), [16]byte{}
	for resource := range data.resources() {
		from := len(b)
		b = otlp.AppendResource(b, data.resource(resource))
		d.resources = append(d.resources, parent{span{from, len(b)}, int32(len(d.scopes))})
		for scope := range data.scopes(resource) {
			from := len(b)
			b = otlp.AppendScope(b, data.scope(resource, scope))
			d.scopes = append(d.scopes, span{from, len(b)})
			for i := range data.scopeItems(resource, scope) {
				at := place{int32(resource), int32(scope), int32(i)}
				// Spans of one trace often stand together.
				if id := [16]byte(data.traceID(at)); id != last || group < 0 {
					group, last = d.groupOf(id), id
				}
				d.counts[group]++
				from := len(b)
				b = data.appendItem(b, at)
				d.items = append(d.items, item{at.resource, at.scope, group, span{from, len(b)}})
			}
		}
	}
	d.written = b
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

// join appends one group's items, wrapped in their scopes and resources.
func (d *desk) join(b []byte, data traced, items []item) []byte {
	for len(items) > 0 {
		resource, inside := items[0].resource, 1
		for inside < len(items) && items[inside].resource == resource {
			inside++
		}
		var start int
		b, start = otlp.Begin(b, otlp.TagResource, otlp.WidthOf(inside))
		b = otlp.AppendSchema(b, data.schema(int(resource)))
		b = d.joinScopes(b, data, items[:inside])
		b = append(b, d.of(d.resources[resource].span)...)
		b = otlp.End(b, start, otlp.WidthOf(inside))
		items = items[inside:]
	}
	return b
}

// joinScopes appends items of one resource, wrapped in their scopes.
func (d *desk) joinScopes(b []byte, data traced, items []item) []byte {
	for len(items) > 0 {
		resource, scope, inside := items[0].resource, items[0].scope, 1
		for inside < len(items) && items[inside].scope == scope {
			inside++
		}
		var start int
		b, start = otlp.Begin(b, otlp.TagScope, otlp.WidthOf(inside))
		b = otlp.AppendSchema(b, data.scopeSchema(int(resource), int(scope)))
		for i := range items[:inside] {
			b = append(b, d.of(items[i].span)...)
		}
		b = append(b, d.of(d.scopes[d.resources[resource].scopes+scope])...)
		b = otlp.End(b, start, otlp.WidthOf(inside))
		items = items[inside:]
	}
	return b
}

func (d *desk) of(what span) []byte { return d.written[what.from:what.to] }
