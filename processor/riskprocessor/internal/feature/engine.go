// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"fmt"
	"time"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/window"
)

// Type is what a feature counts.
type Type uint8

const (
	// Rate is the number of records a second, over the window.
	Rate Type = iota
	// Count is the number of records in the window.
	Count
	// Sum is the sum of an attribute's values in the window.
	Sum
	// Distinct is the number of different values in the window.
	Distinct
	// Ratio is the share of the counted records that match, too.
	Ratio
	// FirstSeen is the age of an entity, or of its use of a value, in seconds.
	FirstSeen
	// Types is their number.
	Types = int(FirstSeen) + 1
	// Given is a number that the caller writes to the vector before it is observed. No configuration names it.
	Given = FirstSeen + 1
)

// String is the name of the type in a configuration.
func (t Type) String() string {
	return [Types]string{"rate", "count", "sum", "distinct", "ratio", "first_seen"}[t]
}

// Spec describes a feature.
type Spec struct {
	// ID says what is counted, and of whom: features with the same one share their table.
	ID   string
	Type Type
	// Entity is the place of the entity in [Vector.Entities].
	Entity int
	// OfEntity is the place of the entity that a Distinct or FirstSeen feature looks at, -1 when it is none.
	OfEntity int
	// OfSlot is the slot of the attribute that a Sum, Distinct or FirstSeen feature looks at, -1 when it is none.
	OfSlot int
	// Period is the window.
	Period window.Period
	// Entities is the number of entities that fit, see package window.
	Entities int
	// AtLeast is the number of counted records below which a Ratio has no number.
	AtLeast float64
	// WarmUp is how long after its first use a FirstSeen feature has no number yet.
	WarmUp time.Duration
}

// Engine keeps the numbers of all features.
type Engine struct {
	reader   *Reader
	store    *Store
	specs    []Spec
	trackers []tracker
	opened   []*entry // in the store
}

// tracker keeps the numbers of one feature.
type tracker interface {
	// observe takes the records in v, one after the other, into the numbers of the feature at place i, and writes the
	// number of each. It takes many at once, up to `together`, so that memory can be read ahead.
	observe(v []*Vector, i int, now time.Duration)
}

// NewEngine makes an engine without features, for vectors that the given reader fills and with tables in the store.
func NewEngine(reader *Reader, store *Store) *Engine { return &Engine{reader: reader, store: store} }

// Add adds a feature and returns its place in [Vector.Features]. Of features that count the same, one counts and the others
// take its number: in the table that they share, each would count every record again.
func (e *Engine) Add(spec *Spec) int {
	own, tracker := *spec, tracker(nil)
	for i := range e.specs {
		switch other := &e.specs[i]; {
		case own.Type == Given || other.ID != own.ID:
		case other.AtLeast == own.AtLeast && other.WarmUp == own.WarmUp:
			tracker = same{i}
		default: // the same records, but another number: a table of its own
			own.ID = fmt.Sprintf("%s, at least %v, warm-up %v", spec.ID, spec.AtLeast, spec.WarmUp)
		}
	}
	if tracker == nil {
		tracker = e.newTracker(&own)
	} else {
		own.ID = "" // nothing is open
	}
	e.specs, e.trackers = append(e.specs, own), append(e.trackers, tracker)
	return len(e.trackers) - 1
}

// Close says that the engine is not used any more: tables that no other engine has opened are forgotten. An engine that
// is not closed leaves its tables in the store, for those who come later.
func (e *Engine) Close() { e.store.release(e.opened) }

// opened opens the table of the feature until the engine is closed.
func opened[T window.Table](e *Engine, spec *Spec, create func(entities int, seed uint64) T) T {
	table, entry := open(e.store, spec, create)
	e.opened = append(e.opened, entry)
	return table
}

func (e *Engine) newTracker(spec *Spec) tracker {
	basis := basis{entity: spec.Entity, period: spec.Period}
	target := target{reader: e.reader, entity: spec.OfEntity, slot: spec.OfSlot}
	switch spec.Type {
	case Sum:
		return &sum{basis, opened(e, spec, window.NewSum), target}
	case Distinct:
		return &distinct{basis, opened(e, spec, window.NewDistinct), target}
	case Ratio:
		return &ratio{basis, opened(e, spec, window.NewRatio), max(1, spec.AtLeast)}
	case FirstSeen:
		table := opened(e, spec, window.NewAge)
		return &firstSeen{basis, table, target, spec.WarmUp, &e.opened[len(e.opened)-1].since}
	case Given:
		return given{}
	case Rate:
		return &count{basis, opened(e, spec, window.NewCounter), 1 / spec.Period.Length().Seconds()}
	default:
		return &count{basis, opened(e, spec, window.NewCounter), 1}
	}
}

// Observe counts the records in the vectors, each for the features that its Counted names, and writes the numbers, this
// record included, to its Features. A feature that does not count a record is read without being changed. Now is the time
// since the beginning of 1970.
func (e *Engine) Observe(v []*Vector, now time.Duration) {
	for len(v) > together {
		e.Observe(v[:together], now)
		v = v[together:]
	}
	for i, t := range e.trackers {
		t.observe(v, i, now)
	}
}

// ObserveOnly is Observe of one record for the features at these places.
func (e *Engine) ObserveOnly(places []int, v *Vector, now time.Duration) {
	one := []*Vector{v}
	for _, i := range places {
		e.trackers[i].observe(one, i, now)
	}
}

// basis is what all features have.
type basis struct {
	entity int
	period window.Period
}

// together is the number of records that are looked for in a table at once.
const together = 32

// keys are keys of that many records.
type keys [together]uint64

// entities returns an entity of the records.
func (k *keys) entities(v []*Vector, entity int) []uint64 {
	for i, v := range v {
		k[i] = v.Entities[entity]
	}
	return k[:len(v)]
}

// target is the value that some features look at besides the entity.
type target struct {
	reader       *Reader
	entity, slot int
}

// hash returns the hash of the value, or 0 when the record does not have it.
func (t target) hash(v *Vector) uint64 {
	switch {
	case t.entity >= 0:
		return v.Entities[t.entity]
	case t.slot >= 0:
		return t.reader.hasher.value(v.attribute(t.slot))
	default:
		return 0
	}
}
