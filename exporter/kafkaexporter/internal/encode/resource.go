// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package encode

import "github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatautil"

// byResource makes one record of each distinct set of resource attributes, in the order in which they appear.
func (s *slab) byResource(data source) []Record {
	clear(s.groups)
	s.ids, s.counts = s.ids[:0], s.counts[:0]
	of := make([]int32, data.resources())
	for i := range of {
		// The hash of contrib's exporter, so that both give a resource the same key.
		of[i] = s.groupOf(pdatautil.MapHash(data.resource(i).Attributes()))
		s.counts[of[i]] += int32(data.items(i))
	}
	s.ends = empty(s.ends, len(s.ids))
	for group := len(s.ids) - 1; group >= 0; group-- {
		to := s.writer.Mark()
		for i := len(of) - 1; i >= 0; i-- {
			if int(of[i]) == group {
				data.write(&s.writer, i)
			}
		}
		s.ends[group] = span{s.writer.Mark(), to}
	}
	keys := make([]byte, 0, len(s.ids)*16)
	records := make([]Record, len(s.ids))
	for group, id := range s.ids {
		keys = append(keys, id[:]...)
		records[group] = s.record(s.ends[group], int(s.counts[group]))
		records[group].Key = keys[len(keys)-16 : len(keys) : len(keys)]
	}
	return records
}
