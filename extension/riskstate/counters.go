// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"context"
	"fmt"
	"maps"
	"sync"
)

// keptBuckets is the number of intervals that a sampler's counts are kept for. Readers ask for the one that they have
// just written; the others are for one that is late.
const keptBuckets = 3

// memoryCounters is a CounterStore of contrib's for one process. It may be used by many goroutines at once.
type memoryCounters struct {
	maxKeys int

	mu       sync.Mutex // guards the following
	keys     int
	samplers map[string]map[int64]map[string]float64
}

func (m *memoryCounters) add(sampler string, bucket int64, counts map[string]float64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.samplers == nil {
		m.samplers = map[string]map[int64]map[string]float64{}
	}
	if m.samplers[sampler] == nil {
		m.samplers[sampler] = map[int64]map[string]float64{}
	}
	buckets := m.samplers[sampler]
	for old, kept := range buckets {
		if old <= bucket-keptBuckets {
			m.keys -= len(kept)
			delete(buckets, old)
		}
	}
	sums := buckets[bucket]
	if sums == nil {
		sums = make(map[string]float64, len(counts))
		buckets[bucket] = sums
	}
	refused := 0
	for name, n := range counts {
		if _, known := sums[name]; !known {
			if m.keys >= m.maxKeys {
				refused++
				continue
			}
			m.keys++
		}
		sums[name] += n
	}
	if refused > 0 {
		return fmt.Errorf("add counts of sampler %q: %d of %d keys are above counter_store::max_keys, %d", sampler, refused, len(counts), m.maxKeys)
	}
	return nil
}

func (m *memoryCounters) read(sampler string, bucket int64) map[string]float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	counts := map[string]float64{}
	maps.Copy(counts, m.samplers[sampler][bucket])
	return counts
}

// AddCounts adds counts to the bucket that all collectors of the fleet share; see doc.go for whom.
func (s *riskState) AddCounts(ctx context.Context, samplerID string, bucket int64, counts map[string]float64) error {
	if s.fleet == nil {
		return s.counters.add(samplerID, bucket, counts)
	}
	return s.fleet.AddCounts(ctx, samplerID, bucket, counts, s.config.CounterStore.Expiry)
}

// ReadCounts returns the sum of what was added to the bucket; a map of the caller's own.
func (s *riskState) ReadCounts(ctx context.Context, samplerID string, bucket int64) (map[string]float64, error) {
	if s.fleet == nil {
		return s.counters.read(samplerID, bucket), nil
	}
	return s.fleet.ReadCounts(ctx, samplerID, bucket)
}
