// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"encoding/binary"
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

func appendAttributes(b []byte, tag byte, m pcommon.Map, depth int) []byte {
	for key, value := range m.All() {
		b = appendAttribute(b, tag, key, value, depth)
	}
	return b
}

// short is how long a key or a text may be so that an attribute's lengths take one byte each.
const short = 56

// appendAttribute appends a KeyValue. The usual kinds are put together in one go, since they are most of what is written:
//
//	tag | length | 0x12 | length | the value | 0x0a | length | key
func appendAttribute(b []byte, tag byte, key string, v pcommon.Value, depth int) []byte {
	if key != "" && len(key) <= short {
		switch v.Type() {
		case pcommon.ValueTypeStr:
			if s := v.Str(); len(s) <= short {
				b, value := appendPair(b, tag, key, 2+len(s))
				value[0], value[1] = 0x0a, byte(len(s))
				copy(value[2:], s)
				return b
			}
		case pcommon.ValueTypeInt:
			if i := uint64(v.Int()); i < 0x80 {
				b, value := appendPair(b, tag, key, 2)
				value[0], value[1] = 0x18, byte(i)
				return b
			} else if i < 1<<14 {
				b, value := appendPair(b, tag, key, 3)
				value[0], value[1], value[2] = 0x18, byte(i)|0x80, byte(i>>7)
				return b
			}
		case pcommon.ValueTypeDouble:
			b, value := appendPair(b, tag, key, 9)
			value[0] = 0x21
			binary.LittleEndian.PutUint64(value[1:], math.Float64bits(v.Double()))
			return b
		}
	}
	b, start := Begin(b, tag, nestedWidth)
	b = appendValue(b, 0x12, v, depth)
	b = appendText(b, 0x0a, key)
	return End(b, start, nestedWidth)
}

// appendPair appends a KeyValue and returns where its value of that size goes.
func appendPair(b []byte, tag byte, key string, size int) (_, value []byte) {
	at, all := len(b), len(key)+size+6
	b = extend(b, all)
	p := b[at : at+all]
	p[0], p[1], p[2], p[3] = tag, byte(all-2), 0x12, byte(size)
	k := p[size+4:]
	k[0], k[1] = 0x0a, byte(len(key))
	copy(k[2:], key)
	return b, p[4:]
}
