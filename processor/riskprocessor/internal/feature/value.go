// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Kind is the type of a [Value].
type Kind uint8

const (
	// None: the attribute is absent or has an empty value, or no bytes, which OTTL does not tell apart.
	None Kind = iota
	// String: Value.Text holds it.
	String
	// Int: Value.Int holds it.
	Int
	// Double: Value.Double holds it.
	Double
	// Bool: Value.Int is 1 or 0.
	Bool
	// Other: bytes, a slice or a map. It identifies nothing, and is not read further.
	Other
)

// Value is the value of an attribute.
type Value struct {
	Kind   Kind
	Text   string // shares the memory of the span
	Int    int64
	Double float64
}

// Values are written field by field: to copy a whole one writes its pointer, too, which costs more than the rest together
// while the garbage collector is at work.

// Number is a value that is a number.
func Number(n float64) Value { return Value{Kind: Double, Double: n} }

// set makes it a number. It must not be a String.
func (v *Value) set(n float64) { v.Kind, v.Double = Double, n }

// clear makes it absent.
func (v *Value) clear() {
	if v.Kind == String {
		v.Text = ""
	}
	v.Kind, v.Int, v.Double = None, 0, 0
}

// read reads an attribute. The value must be absent.
func (v *Value) read(from pcommon.Value) {
	switch from.Type() {
	case pcommon.ValueTypeEmpty:
	case pcommon.ValueTypeStr:
		v.Kind, v.Text = String, from.Str()
	case pcommon.ValueTypeInt:
		v.Kind, v.Int = Int, from.Int()
	case pcommon.ValueTypeDouble:
		v.Kind, v.Double = Double, from.Double()
	case pcommon.ValueTypeBool:
		v.Kind = Bool
		if from.Bool() {
			v.Int = 1
		}
	case pcommon.ValueTypeBytes:
		if from.Bytes().Len() > 0 {
			v.Kind = Other
		}
	default:
		v.Kind = Other
	}
}

// amount returns the value as a finite number, if it is one.
func (v *Value) amount() (float64, bool) {
	switch v.Kind {
	case Int:
		return float64(v.Int), true
	case Double:
		return v.Double, !math.IsNaN(v.Double - v.Double)
	default:
		return 0, false
	}
}
