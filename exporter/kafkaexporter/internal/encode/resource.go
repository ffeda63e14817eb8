// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package encode

import "github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatautil"

// byResource makes one record of each distinct set of resource attributes, in the order in which they appear.
func (s *slab) byResource(data source) []Record {
	d := s.home.desk()
	defer s.home.putDesk(d)
	d.after = empty(d.after, data.resources())
	for i := range d.after {
		// The hash of contrib's exporter, so that both give a resource the same key.
		group := d.groupOf(pdatautil.MapHash(data.resource(i).Attributes()))
		if int(group) == len(d.first) {
			d.first, d.last = append(d.first, int32(i)), append(d.last, int32(i))
		} else {
			d.after[d.last[group]], d.last[group] = int32(i), int32(i)
		}
		d.after[i] = -1
		d.counts[group] += int32(data.items(i))
	}
	d.ends = empty(d.ends, len(d.ids))
	for group := range d.ids {
		from := len(s.bytes)
		for i := d.first[group]; i >= 0; i = d.after[i] {
			s.bytes = data.append(s.bytes, int(i))
		}
		d.ends[group] = span{from, len(s.bytes)}
	}
	keys := make([]byte, 0, len(d.ids)*16)
	records := make([]Record, len(d.ids))
	for group, id := range d.ids {
		keys = append(keys, id[:]...)
		records[group] = s.record(d.ends[group], int(d.counts[group]))
		records[group].Key = keys[len(keys)-16 : len(keys) : len(keys)]
	}
	return records
}
