// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package encode

import "github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatautil"

// byResource makes one record of each distinct set of resource attributes, in the order in which they appear.
func (s *slab) byResource(data source) []Record {
	d := s.home.desk()
	defer s.home.putDesk(d)
	before := make([]int32, data.resources()) // the resource before each in its group; -1 is none
	for i := range before {
		// The hash of contrib's exporter, so that both give a resource the same key.
		group := d.groupOf(pdatautil.MapHash(data.resource(i).Attributes()))
		if int(group) == len(d.last) {
			d.last = append(d.last, -1)
		}
		before[i], d.last[group] = d.last[group], int32(i)
		d.counts[group] += int32(data.items(i))
	}
	d.ends = empty(d.ends, len(d.ids))
	for group := len(d.ids) - 1; group >= 0; group-- {
		to := s.writer.Mark()
		for i := d.last[group]; i >= 0; i = before[i] {
			data.write(&s.writer, int(i))
		}
		d.ends[group] = span{s.writer.Mark(), to}
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
