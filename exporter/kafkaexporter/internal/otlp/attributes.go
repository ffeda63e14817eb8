// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"encoding/binary"
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

type pair struct {
	key   string
	value pcommon.Value
}

// window is how many attributes are looked at together. A map can only be walked forwards; what is walked over is noted on
// the stack, from which it is written backwards.
const window = 16

// attributes writes a map as repeated KeyValue messages under tag.
func (w *Writer) attributes(tag byte, m pcommon.Map) {
	n := m.Len()
	for ; n > window; n -= window {
		w.someAttributes(tag, m, n-window, n)
	}
	if n > 0 {
		w.someAttributes(tag, m, 0, n)
	}
}

// someAttributes writes the attributes from one place in the map to another, which are a window apart at most.
func (w *Writer) someAttributes(tag byte, m pcommon.Map, from, to int) {
	var pairs [window]pair
	i := 0
	for key, value := range m.All() {
		if i >= from {
			if i >= to {
				break
			}
			pairs[i-from] = pair{key, value}
		}
		i++
	}
	for i := to - from - 1; i >= 0; i-- {
		w.attribute(tag, pairs[i].key, pairs[i].value)
	}
}

// short bounds texts for which all lengths in an attribute take one byte.
const short = 56

// attribute writes a KeyValue message under tag. Nearly all are short and have a plain value: those are written forwards in
// one go, because every length is known.
func (w *Writer) attribute(tag byte, key string, v pcommon.Value) {
	if key != "" && len(key) <= short {
		switch v.Type() {
		case pcommon.ValueTypeStr:
			if s := v.Str(); len(s) <= short {
				b := w.pair(tag, key, 2+len(s))
				b[0], b[1] = 0x0a, byte(len(s))
				copy(b[2:], s)
				return
			}
		case pcommon.ValueTypeInt:
			if i := v.Int(); uint64(i) < 1<<14 {
				w.smallInt(tag, key, uint64(i))
				return
			}
		case pcommon.ValueTypeDouble:
			b := w.pair(tag, key, 9)
			b[0] = 0x21
			binary.LittleEndian.PutUint64(b[1:], math.Float64bits(v.Double()))
			return
		}
	}
	end := w.Mark()
	w.text(0x0a, key)
	w.value(0x12, v)
	w.Prefix(tag, end)
}

// pair writes a KeyValue message but for its value of that size, whose place it returns:
//
//	tag | length | 12 | size | value | 0a | length | key
func (w *Writer) pair(tag byte, key string, size int) []byte {
	all := len(key) + size + 6
	w.need(all)
	w.at -= all
	b := w.buf[w.at : w.at+all : w.at+all]
	b[0], b[1], b[2], b[3] = tag, byte(all-2), 0x12, byte(size)
	b[size+4], b[size+5] = 0x0a, byte(len(key))
	copy(b[size+6:], key)
	return b[4 : size+4]
}

// smallInt writes a KeyValue message with a number of at most two bytes, as most are: ports, codes, sizes.
func (w *Writer) smallInt(tag byte, key string, v uint64) {
	if v < 0x80 {
		b := w.pair(tag, key, 2)
		b[0], b[1] = 0x18, byte(v)
		return
	}
	b := w.pair(tag, key, 3)
	b[0], b[1], b[2] = 0x18, byte(v)|0x80, byte(v>>7)
}
