// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import "github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/window"

// Vector is what is known of one span. It is made once by [Engine.NewVector] and filled again for every span.
type Vector struct {
	// Span holds the span's fields and attributes by slot.
	Span []Value
	// Resource holds the resource's attributes by slot.
	Resource []Value
	// Entities holds the hash of each entity, 0 for one that was not observed.
	Entities []uint64
	// Counted says for each feature whether this span is counted by it. The caller sets it before [Engine.Observe].
	Counted []bool
	// Features holds the number of each feature as a Double, None when its entity was not observed.
	Features []Value
	// Evicted and Refused count the outcomes of updates by feature. They add up until the caller clears them.
	Evicted, Refused []int64
}

// NewVector makes a vector for the engine and its reader, which must be complete.
func (e *Engine) NewVector() *Vector {
	slots, features := firstAttribute+len(e.reader.slots), len(e.features)
	return &Vector{
		Span:     make([]Value, slots),
		Resource: make([]Value, slots),
		Entities: make([]uint64, len(e.reader.entities)),
		Counted:  make([]bool, features),
		Features: make([]Value, features),
		Evicted:  make([]int64, features),
		Refused:  make([]int64, features),
	}
}

func (v *Vector) note(feature int, outcome window.Outcome) {
	switch outcome {
	case window.Evicted:
		v.Evicted[feature]++
	case window.Refused:
		v.Refused[feature]++
	case window.Stored:
	}
}
