// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"encoding/binary"
	"math"
	"math/bits"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Writer writes protobuf fields backwards. The zero value is ready to use.
type Writer struct {
	buf []byte
	at  int // where what is written begins
}

// Mark is a place in what a Writer has written: the number of bytes from there to the end.
type Mark int

// Reset empties the writer. It keeps the last room bytes of the buffer free for the caller, who may write there what is to
// follow; see [Writer.Whole].
func (w *Writer) Reset(room int) {
	if len(w.buf) < room {
		w.buf = make([]byte, max(minBuffer, room))
	}
	w.at = len(w.buf) - room
}

// minBuffer is the size of the first buffer. It doubles from there.
const minBuffer = 4 << 10

// Mark returns the present place: where what was written last begins.
func (w *Writer) Mark() Mark { return Mark(len(w.buf) - w.at) }

// Bytes returns what lies between two places, from being the nearer to the front. It is valid until the buffer grows.
func (w *Writer) Bytes(from, to Mark) []byte {
	return w.buf[len(w.buf)-int(from) : len(w.buf)-int(to) : len(w.buf)-int(to)]
}

// Whole returns the buffer, in which a Mark is a distance from the end. It is valid until the buffer grows.
func (w *Writer) Whole() []byte { return w.buf }

// Room makes sure that n bytes are free in front of what was written, for the caller to write.
func (w *Writer) Room(n int) { w.need(n) }

// Paste writes bytes as they are.
func (w *Writer) Paste(b []byte) {
	w.need(len(b))
	w.at -= len(b)
	copy(w.buf[w.at:], b)
}

// Prefix writes the tag and length of a message that begins here and ends at end.
func (w *Writer) Prefix(tag byte, end Mark) {
	w.need(maxPrefix)
	w.varint(uint64(w.Mark() - end))
	w.at--
	w.buf[w.at] = tag
}

// maxPrefix is the most that a tag and a length, or a tag and a number, take.
const maxPrefix = 1 + binary.MaxVarintLen64

// need makes sure that n bytes are free. Every method that writes calls it, and then writes without a check.
func (w *Writer) need(n int) {
	if w.at < n {
		w.grow(n)
	}
}

func (w *Writer) grow(n int) {
	size := max(minBuffer, 2*len(w.buf))
	for size < len(w.buf)+n {
		size *= 2
	}
	grown := make([]byte, size)
	at := size - (len(w.buf) - w.at)
	copy(grown[at:], w.buf[w.at:])
	w.buf, w.at = grown, at
}

// varint writes a number without a tag. The caller has made sure of the room.
func (w *Writer) varint(v uint64) {
	if v < 0x80 {
		w.at--
		w.buf[w.at] = byte(v)
		return
	}
	w.longVarint(v)
}

func (w *Writer) longVarint(v uint64) {
	w.at -= (bits.Len64(v) + 6) / 7
	at := w.at
	for ; v >= 0x80; v >>= 7 {
		w.buf[at] = byte(v) | 0x80
		at++
	}
	w.buf[at] = byte(v)
}

// uint writes a varint field, unless it is zero.
func (w *Writer) uint(tag byte, v uint64) {
	if v == 0 {
		return
	}
	w.need(maxPrefix)
	w.varint(v)
	w.at--
	w.buf[w.at] = tag
}

// sint writes a zig-zag field, unless it is zero.
func (w *Writer) sint(tag byte, v int32) { w.uint(tag, uint64(uint32(v<<1)^uint32(v>>31))) }

// boolean writes a bool field, unless it is false.
func (w *Writer) boolean(tag byte, v bool) {
	if v {
		w.uint(tag, 1)
	}
}

// fixed64 writes a field of eight bytes, also if it is zero.
func (w *Writer) fixed64(tag byte, v uint64) {
	w.need(9)
	w.at -= 9
	w.buf[w.at] = tag
	binary.LittleEndian.PutUint64(w.buf[w.at+1:], v)
}

// time writes a fixed64 field, unless it is zero.
func (w *Writer) time(tag byte, v pcommon.Timestamp) { w.count(tag, uint64(v)) }

// count writes a fixed64 field, unless it is zero.
func (w *Writer) count(tag byte, v uint64) {
	if v != 0 {
		w.fixed64(tag, v)
	}
}

// double writes a double field, also if it is zero.
func (w *Writer) double(tag byte, v float64) { w.fixed64(tag, math.Float64bits(v)) }

// nonZero writes a double field, unless it is zero.
func (w *Writer) nonZero(tag byte, v float64) {
	if v != 0 {
		w.double(tag, v)
	}
}

// fixed32 writes a field of four bytes, unless it is zero.
func (w *Writer) fixed32(tag byte, v uint32) {
	if v == 0 {
		return
	}
	w.need(5)
	w.at -= 5
	w.buf[w.at] = tag
	binary.LittleEndian.PutUint32(w.buf[w.at+1:], v)
}

// text writes a string field, unless it is empty.
func (w *Writer) text(tag byte, s string) {
	if s != "" {
		w.anyText(tag, s)
	}
}

// anyText writes a string field, also if it is empty.
func (w *Writer) anyText(tag byte, s string) {
	w.need(len(s) + maxPrefix)
	w.at -= len(s)
	copy(w.buf[w.at:], s)
	w.varint(uint64(len(s)))
	w.at--
	w.buf[w.at] = tag
}

// traceID writes a trace id; an absent one is an empty field, as pdata has it.
func (w *Writer) traceID(tag byte, id pcommon.TraceID) {
	w.need(2 + len(id))
	if !id.IsEmpty() {
		w.at -= len(id)
		copy(w.buf[w.at:], id[:])
		w.at -= 2
		w.buf[w.at], w.buf[w.at+1] = tag, byte(len(id))
		return
	}
	w.at -= 2
	w.buf[w.at], w.buf[w.at+1] = tag, 0
}

// spanID writes a span id; an absent one is an empty field, as pdata has it.
func (w *Writer) spanID(tag byte, id pcommon.SpanID) {
	w.need(2 + len(id))
	if !id.IsEmpty() {
		w.at -= len(id)
		copy(w.buf[w.at:], id[:])
		w.at -= 2
		w.buf[w.at], w.buf[w.at+1] = tag, byte(len(id))
		return
	}
	w.at -= 2
	w.buf[w.at], w.buf[w.at+1] = tag, 0
}

// packed writes eight bytes without a tag.
func (w *Writer) packed(v uint64) {
	w.need(8)
	w.at -= 8
	binary.LittleEndian.PutUint64(w.buf[w.at:], v)
}
