// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/window"
)

// Store keeps the tables of features by [Spec.ID]: they outlive a change of rules, and processors that share a store share
// what they count. It may be used by many goroutines at once.
type Store struct {
	seed    uint64
	mu      sync.Mutex // guards the following
	entries map[string]*entry
}

// entry is a table with what a snapshot needs to know.
type entry struct {
	table  window.Table
	period window.Period
	since  moment
}

// moment is a time since 1970 that is set once; 0 when it is not set.
type moment struct{ at atomic.Int64 }

// orNow returns the moment, which is now if it was not set before.
func (m *moment) orNow(now time.Duration) time.Duration {
	if m.at.Load() == 0 {
		m.at.CompareAndSwap(0, int64(now))
	}
	return time.Duration(m.at.Load())
}

// NewStore makes an empty store. Seed starts the random choices of its tables.
func NewStore(seed uint64) *Store { return &Store{seed: seed, entries: map[string]*entry{}} }

// open returns the table of the feature, which it makes if there is none yet.
func open[T window.Table](s *Store, spec *Spec, create func(entities int, seed uint64) T) T {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.entries[spec.ID]; ok {
		if table, ok := e.table.(T); ok {
			return table
		}
	}
	table := create(spec.Entities, spread(s.seed+uint64(len(s.entries))))
	s.entries[spec.ID] = &entry{table: table, period: spec.Period}
	return table
}

// since is when the table of the feature was first used.
func (s *Store) since(spec *Spec) *moment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &s.entries[spec.ID].since
}

// Keep forgets all tables but those with the given ids.
func (s *Store) Keep(ids map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.entries {
		if !ids[id] {
			delete(s.entries, id)
		}
	}
}
