// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/window"
)

// Vector is what is known of one record, a span or a log record. It is made once by [Engine.NewVector] and filled again
// for every record.
type Vector struct {
	kind ptrace.SpanKind
	set  []uint16 // slots of the attributes in Record that are not absent
	// Record holds the record's fields and attributes by slot.
	Record []Value
	// Resource holds the resource's attributes by slot. Vectors may share it.
	Resource []Value
	// Entities holds the hash of each entity, 0 for one that was not observed.
	Entities []uint64
	// Counted says for each feature whether this record is counted by it, and Matched whether it matches, which is asked
	// of ratios. The caller sets them before [Engine.Observe].
	Counted, Matched []bool
	// Features holds the number of each feature as a Double, None when its entity was not observed.
	Features []Value
	// Evicted and Refused count the outcomes of updates by feature. They add up until the caller clears them.
	Evicted, Refused []int64
}

// NewVector makes a vector for the engine and its reader, which must be complete.
func (e *Engine) NewVector() *Vector {
	slots, features := firstAttribute+len(e.reader.slots), len(e.trackers)
	return &Vector{
		Record:   make([]Value, slots),
		Resource: make([]Value, slots),
		Entities: make([]uint64, len(e.reader.entities)),
		Counted:  make([]bool, features),
		Matched:  make([]bool, features),
		Features: make([]Value, features),
		Evicted:  make([]int64, features),
		Refused:  make([]int64, features),
	}
}

// attribute is the attribute in a slot, the record's before the resource's.
func (v *Vector) attribute(slot int) *Value {
	if own := &v.Record[slot]; own.Kind != None && (own.Kind != String || own.Text != "") {
		return own
	}
	return &v.Resource[slot]
}

// Forget drops the record, whose strings are the caller's.
func (v *Vector) Forget() {
	v.set = forget(v.Record, v.set)
	for slot := range firstAttribute {
		v.Record[slot] = Value{}
	}
	v.Resource = nil
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
