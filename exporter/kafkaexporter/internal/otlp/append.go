// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Begin begins a message: it appends its tag and leaves width bytes (3 at most) for its length. start is where its content
// begins, for End. A width that turns out to be wrong costs End a move of the content, no more than that.
func Begin(b []byte, tag byte, width int) (_ []byte, start int) {
	start = len(b) + 1 + width
	return append(b, tag, 0, 0, 0)[:start], start
}

// End ends a message begun with that width.
func End(b []byte, start, width int) []byte {
	size := uint64(len(b) - start)
	if size < 0x80 && width == 1 {
		b[start-1] = byte(size)
		return b
	}
	if need := varintSize(size); need != width {
		b = shift(b, start, need-width)
		start += need - width
		width = need
	}
	if width == 2 {
		b[start-2], b[start-1] = byte(size)|0x80, byte(size>>7)
		return b
	}
	binary.PutUvarint(b[start-width:start], size)
	return b
}

// WidthOf guesses the width of the length of a message with so many items.
func WidthOf(items int) int {
	const many = 64 // of 256 bytes each take more than two bytes can say
	if items < many {
		return 2
	}
	return 3
}

const (
	itemWidth   = 2 // spans and log records have 128 bytes to 16 KiB, as a rule
	nestedWidth = 1 // and what they are made of less
)

// shift moves what begins at start by so many bytes, back if that is negative.
func shift(b []byte, start, by int) []byte {
	size := len(b)
	if by > 0 {
		b = extend(b, by)
	}
	copy(b[start+by:], b[start:size])
	return b[:size+by]
}

// extend makes b longer by n bytes, whose content is arbitrary.
func extend(b []byte, n int) []byte {
	if cap(b)-len(b) < n {
		b = slices.Grow(b, n)
	}
	return b[:len(b)+n]
}

func varintSize(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

// appendUint appends a number unless it is 0, as proto3 has it. So do the following, unless they say otherwise.
func appendUint(b []byte, tag byte, v uint64) []byte {
	switch {
	case v == 0:
		return b
	case v < 0x80:
		return append(b, tag, byte(v))
	default:
		return binary.AppendUvarint(append(b, tag), v)
	}
}

func appendSint(b []byte, tag byte, v int32) []byte {
	return appendUint(b, tag, uint64(uint32(v<<1)^uint32(v>>31)))
}

func appendBool(b []byte, tag byte, v bool) []byte {
	if v {
		return append(b, tag, 1)
	}
	return b
}

// appendFixed64 appends a number, also if it is 0.
func appendFixed64(b []byte, tag byte, v uint64) []byte {
	at := len(b)
	b = extend(b, 9)
	b[at] = tag
	binary.LittleEndian.PutUint64(b[at+1:], v)
	return b
}

// appendDouble appends a number, also if it is 0.
func appendDouble(b []byte, tag byte, v float64) []byte {
	return appendFixed64(b, tag, math.Float64bits(v))
}

func appendTime(b []byte, tag byte, v pcommon.Timestamp) []byte {
	return appendCount(b, tag, uint64(v))
}

func appendCount(b []byte, tag byte, v uint64) []byte {
	if v == 0 {
		return b
	}
	return appendFixed64(b, tag, v)
}

func appendNonZero(b []byte, tag byte, v float64) []byte {
	if v == 0 {
		return b
	}
	return appendDouble(b, tag, v)
}

func appendFixed32(b []byte, tag byte, v uint32) []byte {
	if v == 0 {
		return b
	}
	return binary.LittleEndian.AppendUint32(append(b, tag), v)
}

func appendText(b []byte, tag byte, s string) []byte {
	if s == "" {
		return b
	}
	return appendAnyText(b, tag, s)
}

// appendAnyText appends a text, also if it is empty.
func appendAnyText(b []byte, tag byte, s string) []byte {
	if len(s) < 0x80 {
		b = append(b, tag, byte(len(s)))
	} else {
		b = binary.AppendUvarint(append(b, tag), uint64(len(s)))
	}
	return append(b, s...)
}

// appendTraceID appends an identifier, also if it is empty: pdata's marshaller does. So does appendSpanID.
func appendTraceID(b []byte, tag byte, id pcommon.TraceID) []byte {
	if id.IsEmpty() {
		return append(b, tag, 0)
	}
	at := len(b)
	b = extend(b, 2+len(id))
	b[at], b[at+1] = tag, byte(len(id))
	copy(b[at+2:], id[:])
	return b
}

func appendSpanID(b []byte, tag byte, id pcommon.SpanID) []byte {
	if id.IsEmpty() {
		return append(b, tag, 0)
	}
	at := len(b)
	b = extend(b, 2+len(id))
	b[at], b[at+1] = tag, byte(len(id))
	copy(b[at+2:], id[:])
	return b
}
