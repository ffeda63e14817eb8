// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/window"
)

// Store keeps the tables of features by [Spec.ID]: they outlive a change of rules, and processors that share a store share
// what they count. It may be used by many goroutines at once.
type Store struct {
	now      func() time.Duration
	mu       sync.Mutex // guards the following
	seed     uint64
	entries  map[string]*entry
	byFleet  map[uint64]fleetNumber
	restored map[string][]byte // tables of a snapshot that no feature has asked for yet
	watchers map[*func()]struct{}
	forfeit  bool    // what the restored tables have not published is forfeited
	faults   []error // of tables that were restored, to be reported
}

// entry is a table with what a snapshot needs to know.
type entry struct {
	id     string
	table  window.Table
	typ    Type
	period window.Period
	since  moment
	users  int // engines that have it open
	fleet  [numbers]uint64
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

// NewStore makes an empty store. Seed is what keys are hashed with; now is the time since the beginning of 1970.
func NewStore(seed uint64, now func() time.Duration) *Store {
	return &Store{seed: seed, now: now, entries: map[string]*entry{}, byFleet: map[uint64]fleetNumber{}, watchers: map[*func()]struct{}{}}
}

// Seed is what the keys of the tables are hashed with.
func (s *Store) Seed() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seed
}

// Rekey forgets everything, since keys are hashed with another seed from now on, and tells all who watch.
func (s *Store) Rekey(seed uint64) {
	s.mu.Lock()
	s.seed, s.entries, s.byFleet, s.restored = seed, map[string]*entry{}, map[uint64]fleetNumber{}, nil
	watchers := make([]func(), 0, len(s.watchers))
	for watcher := range s.watchers {
		watchers = append(watchers, *watcher)
	}
	s.mu.Unlock()
	for _, watcher := range watchers {
		watcher()
	}
}

// Watch has changed called after the seed has changed, until the returned function is called.
func (s *Store) Watch(changed func()) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	watcher := &changed
	s.watchers[watcher] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, watcher)
	}
}

// open returns the table of the feature, which it makes if there is none yet, and its entry, which is to be released.
func open[T window.Table](s *Store, spec *Spec, create func(entities int, seed uint64) T) (T, *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.entries[spec.ID]; ok {
		if table, ok := e.table.(T); ok {
			e.users++
			return table, e
		}
	}
	table := create(spec.Entities, spread(s.seed+uint64(len(s.entries))))
	e := &entry{id: spec.ID, table: table, typ: spec.Type, period: spec.Period, users: 1}
	s.entries[spec.ID] = e
	for i := range e.fleet {
		e.fleet[i] = fleetID(spec.ID, i)
		s.byFleet[e.fleet[i]] = fleetNumber{e, i}
	}
	if blob, ok := s.restored[spec.ID]; ok {
		delete(s.restored, spec.ID)
		s.fill(e, blob)
	}
	return table, e
}

// fill restores a table. The store must be locked.
func (s *Store) fill(e *entry, blob []byte) {
	if err := e.restore(blob, s.now()); err != nil {
		s.faults = append(s.faults, fmt.Errorf("restore feature %q: %w", e.id, err))
	}
	if s.forfeit {
		e.table.Forfeit(e.period.At(s.now()))
	}
}

// Faults returns what was wrong with tables that were restored since the last call. What could be read of them is in use.
func (s *Store) Faults() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	faults := s.faults
	s.faults = nil
	return faults
}

// release forgets tables that are not open any more. After Rekey what has the same ID may be another table.
func (s *Store) release(entries []*entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries {
		if e.users--; e.users > 0 || s.entries[e.id] != e {
			continue
		}
		delete(s.entries, e.id)
		for _, number := range e.fleet {
			delete(s.byFleet, number)
		}
	}
}
