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

func valueOf(v pcommon.Value) Value {
	switch v.Type() {
	case pcommon.ValueTypeEmpty:
		return Value{}
	case pcommon.ValueTypeStr:
		return Value{Kind: String, Text: v.Str()}
	case pcommon.ValueTypeInt:
		return Value{Kind: Int, Int: v.Int()}
	case pcommon.ValueTypeDouble:
		return Value{Kind: Double, Double: v.Double()}
	case pcommon.ValueTypeBool:
		if v.Bool() {
			return Value{Kind: Bool, Int: 1}
		}
		return Value{Kind: Bool}
	case pcommon.ValueTypeBytes:
		if v.Bytes().Len() == 0 {
			return Value{}
		}
		return Value{Kind: Other}
	default:
		return Value{Kind: Other}
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
