// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/recordbatch"
)

// spread is where the records of a topic are sorted by partition. It is needed only until they are encoded.
type spread struct {
	chosen []int32
	sorted []recordbatch.Record
	ends   []int // where each partition's records end
}

// used returns how many partitions have records.
func (s *spread) used() (count int) {
	start := 0
	for _, end := range s.ends {
		if end > start {
			count++
		}
		start = end
	}
	return count
}

// spread sorts records by partition (counting sort).
func (e *kafkaExporter) spread(records []encode.Record, leaders []int32) *spread {
	s, ok := e.spreads.Get().(*spread)
	if !ok {
		s = new(spread)
	}
	s.chosen, s.sorted, s.ends = sized(s.chosen, len(records)), sized(s.sorted, len(records)), sized(s.ends, len(leaders))
	e.partitioner.choose(s.chosen, records, leaders)
	for _, p := range s.chosen {
		s.ends[p]++
	}
	sum := 0
	for i, n := range s.ends {
		s.ends[i] = sum
		sum += n
	}
	for i := range records {
		at := &s.ends[s.chosen[i]]
		s.sorted[*at] = recordbatch.Record{Key: records[i].Key, Value: records[i].Value, Headers: records[i].Headers}
		*at++
	}
	return s
}

// putSpread takes back what nobody reads any more, and forgets the records.
func (e *kafkaExporter) putSpread(s *spread) {
	clear(s.sorted)
	e.spreads.Put(s)
}

// sized returns n zero values, in the memory of s if that is enough.
func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}
