// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"encoding/binary"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// appendValue appends an AnyValue that lies in so many maps and lists, also if it is empty.
func appendValue(b []byte, tag byte, v pcommon.Value, depth int) []byte {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		s := v.Str()
		size := uint64(len(s))
		b = binary.AppendUvarint(append(b, tag), 1+uint64(varintSize(size))+size)
		return appendAnyText(b, 0x0a, s)
	case pcommon.ValueTypeBool:
		if v.Bool() {
			return append(b, tag, 2, 0x10, 1)
		}
		return append(b, tag, 2, 0x10, 0)
	case pcommon.ValueTypeInt:
		i := uint64(v.Int())
		return binary.AppendUvarint(append(b, tag, byte(1+varintSize(i)), 0x18), i)
	case pcommon.ValueTypeDouble:
		return appendDouble(append(b, tag, 9), 0x21, v.Double())
	case pcommon.ValueTypeSlice, pcommon.ValueTypeMap:
		return appendNested(b, tag, v, depth)
	case pcommon.ValueTypeBytes:
		b, start := Begin(b, tag, nestedWidth)
		return End(appendBytes(b, 0x3a, v.Bytes()), start, nestedWidth)
	default:
		return append(b, tag, 0)
	}
}

// appendNested appends the AnyValue of a map or list.
func appendNested(b []byte, tag byte, v pcommon.Value, depth int) []byte {
	if depth == maxDepth {
		return appendDeep(b, tag, v)
	}
	b, start := Begin(b, tag, nestedWidth)
	var inner int
	if v.Type() == pcommon.ValueTypeMap {
		b, inner = Begin(b, 0x32, nestedWidth)
		b = appendAttributes(b, 0x0a, v.Map(), depth+1)
	} else {
		b, inner = Begin(b, 0x2a, nestedWidth)
		for _, element := range v.Slice().All() {
			b = appendValue(b, 0x0a, element, depth+1)
		}
	}
	b = End(b, inner, nestedWidth)
	return End(b, start, nestedWidth)
}

// maxDepth is how many maps and lists may lie in each other before pdata's marshaller takes over: every one of them that is
// longer than 127 bytes is moved by End, with all that is in it, so that a hostile request could make that the square of its
// size.
const maxDepth = 6

// appendDeep appends the AnyValue of a map or list as pdata's marshaller writes it. That writes no values alone, so it is made
// the body of a log record.
func appendDeep(b []byte, tag byte, v pcommon.Value) []byte {
	ld := plog.NewLogs()
	v.CopyTo(ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body())
	rest, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
	if err != nil {
		return append(b, tag, 0) // it has no error to return; if it ever has one, the value is unknown
	}
	for _, wanted := range [...]byte{TagResource, TagScope, TagItem, tagBody} {
		for {
			found := rest[0]
			size, n := binary.Uvarint(rest[1:])
			content := rest[1+n:]
			if found == wanted {
				rest = content[:size]
				break
			}
			rest = content[size:] // all of them are messages or texts
		}
	}
	b = binary.AppendUvarint(append(b, tag), uint64(len(rest)))
	return append(b, rest...)
}

// appendBytes appends a byte string, also if it is empty. pdata shows the bytes one by one only, without a copy.
func appendBytes(b []byte, tag byte, s pcommon.ByteSlice) []byte {
	n := s.Len()
	b = binary.AppendUvarint(append(b, tag), uint64(n))
	at := len(b)
	b = extend(b, n)
	for i := range n {
		b[at+i] = s.At(i)
	}
	return b
}
