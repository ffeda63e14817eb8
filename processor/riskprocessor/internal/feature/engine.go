// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"time"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/window"
)

// Type is what a feature counts.
type Type uint8

const (
	// Rate is the number of spans a second, over the window.
	Rate Type = iota
	// Count is the number of spans in the window.
	Count
	// Distinct is the number of different values in the window.
	Distinct
)

// Spec describes a feature.
type Spec struct {
	Type Type
	// Entity is the place of the entity in [Vector.Entities].
	Entity int
	// OfEntity is the place of the entity that a Distinct feature counts, -1 when it counts an attribute.
	OfEntity int
	// OfSlot is the slot of the attribute that a Distinct feature counts, used when OfEntity is -1.
	OfSlot int
	// Window is the length of the sliding window, at least a second.
	Window time.Duration
	// Entities is the number of entities that fit, see package window.
	Entities int
}

// Engine keeps the numbers of all features.
type Engine struct {
	reader   *Reader
	features []tracked
}

type tracked struct {
	Spec
	perSecond float64 // factor from events in the window to the feature's number
	counter   *window.Counter
	distinct  *window.Distinct
}

// NewEngine makes an engine without features, for vectors that the given reader fills.
func NewEngine(reader *Reader) *Engine { return &Engine{reader: reader} }

// Add adds a feature and returns its place in [Vector.Features]. Seed starts the random choices of its table.
func (e *Engine) Add(spec Spec, seed uint64) int {
	t := tracked{Spec: spec, perSecond: 1}
	switch spec.Type {
	case Distinct:
		t.distinct = window.NewDistinct(spec.Entities, spec.Window, seed)
	case Rate:
		t.perSecond = 1 / spec.Window.Seconds()
		t.counter = window.NewCounter(spec.Entities, spec.Window, seed)
	case Count:
		t.counter = window.NewCounter(spec.Entities, spec.Window, seed)
	}
	e.features = append(e.features, t)
	return len(e.features) - 1
}

// Observe counts the span in v, for each feature that v.Counted names, and writes the numbers, this span included, to
// v.Features. A feature that does not count the span is read without being changed. Now is the time since the engine
// was made.
func (e *Engine) Observe(v *Vector, now time.Duration) {
	for i := range e.features {
		t := &e.features[i]
		key := v.Entities[t.Entity]
		switch {
		case key == 0:
			v.Features[i] = Value{}
		case t.distinct != nil:
			v.Features[i] = number(e.observeDistinct(t, i, key, v, now))
		case v.Counted[i]:
			n, outcome := t.counter.Add(key, now)
			v.note(i, outcome)
			v.Features[i] = number(n * t.perSecond)
		default:
			v.Features[i] = number(t.counter.Count(key, now) * t.perSecond)
		}
	}
}

func (e *Engine) observeDistinct(t *tracked, i int, key uint64, v *Vector, now time.Duration) float64 {
	if v.Counted[i] {
		if element := e.element(t, v); element != 0 {
			n, outcome := t.distinct.Add(key, element, now)
			v.note(i, outcome)
			return n
		}
	}
	return t.distinct.Count(key, now)
}

// element returns the hash of what a distinct feature counts, or 0 when the span does not have it.
func (e *Engine) element(t *tracked, v *Vector) uint64 {
	if t.OfEntity >= 0 {
		return v.Entities[t.OfEntity]
	}
	return e.reader.hash(t.OfSlot, v)
}

func number(n float64) Value { return Value{Kind: Double, Double: n} }
