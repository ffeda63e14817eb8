// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"hash/fnv"
	"time"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/window"
)

// Delta and Total are extension/riskstate's: the same unnamed types, declared again because components do not import each
// other. They are documented there.
type (
	// Delta is what this collector adds to a number of the fleet.
	Delta = struct {
		Kind    uint8
		First   bool
		Feature uint64
		Key     uint64
		Step    int64
		Expiry  time.Duration
		Value   int64
		Local   int64
	}
	// Total is what the fleet has counted for one key and step.
	Total = struct {
		Kind     uint8
		Feature  uint64
		Key      uint64
		Step     int64
		Total    int64
		Previous int64
	}
)

// Kinds of a Delta.
const (
	kindAdd      uint8 = 1
	kindDistinct uint8 = 2
)

// numbers is how many numbers of a table the fleet adds up at most.
const numbers = 2

// fleetNumber is a number of a table as the fleet knows it.
type fleetNumber struct {
	entry *entry
	place int
}

// fleetID says what is counted, to all collectors: a hash of the feature's ID and of the number's place, not seeded.
func fleetID(id string, place int) uint64 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(id)) // never fails
	return spread(hash.Sum64() + uint64(place))
}

// Deltas walks over what was counted and not yet taken, of all features but first_seen. See extension/riskstate.
func (s *Store) Deltas(take func(*Delta) bool) {
	now := s.now()
	var d Delta
	for _, e := range s.all() {
		d.Kind = kindAdd
		if e.typ == Distinct {
			d.Kind = kindDistinct
		}
		d.Expiry = 2 * e.period.Length()
		e.table.Offer(e.period.At(now), func(o *window.Offer) bool {
			d.Feature, d.Key, d.Step = e.fleet[o.Number], o.Key, int64(o.Step)
			d.First, d.Value, d.Local = o.First, o.Value, o.Local
			return take(&d)
		})
	}
}

func (s *Store) all() []*entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*entry, 0, len(s.entries))
	for _, e := range s.entries {
		all = append(all, e)
	}
	return all
}

// Merge takes in the fleet's total of a key. See extension/riskstate.
func (s *Store) Merge(total *Total) {
	s.mu.Lock()
	n, known := s.byFleet[total.Feature]
	s.mu.Unlock()
	if known { // else the rules have changed meanwhile
		n.entry.table.Merge(&window.Answer{
			Number: n.place, Key: total.Key, Step: uint32(total.Step), Total: total.Total, Previous: total.Previous,
		})
	}
}
