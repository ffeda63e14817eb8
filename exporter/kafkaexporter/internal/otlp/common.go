// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/xpdata/entity"
)

// Tags of the upper two levels, the same for all signals. A tag is the field's number times eight and its wire type.
const (
	// TagResource is ResourceX in a request, TagScope ScopeX in ResourceX, TagItem a span, log record or metric in ScopeX.
	TagResource = 1<<3 | 2
	TagScope    = 2<<3 | 2
	TagItem     = 2<<3 | 2

	tagSelf   = 1<<3 | 2 // of the resource in ResourceX, of the scope in ScopeX
	tagSchema = 3<<3 | 2
)

// Resource writes the resource of a ResourceX message: what comes first when writing backwards.
func (w *Writer) Resource(r pcommon.Resource) {
	end := w.Mark()
	w.attributes(0x0a, r.Attributes())
	w.uint(0x10, uint64(r.DroppedAttributesCount()))
	refs := entity.ResourceEntityRefs(r)
	for i := refs.Len() - 1; i >= 0; i-- {
		w.entityRef(refs.At(i))
	}
	w.Prefix(tagSelf, end)
}

// Schema writes the schema URL of a ResourceX or ScopeX message: what comes last when writing backwards.
func (w *Writer) Schema(url string) { w.text(tagSchema, url) }

// Scope writes the scope of a ScopeX message: what comes first when writing backwards.
func (w *Writer) Scope(s pcommon.InstrumentationScope) {
	end := w.Mark()
	w.text(0x0a, s.Name())
	w.text(0x12, s.Version())
	w.attributes(0x1a, s.Attributes())
	w.uint(0x20, uint64(s.DroppedAttributesCount()))
	w.Prefix(tagSelf, end)
}

func (w *Writer) entityRef(ref entity.EntityRef) {
	end := w.Mark()
	w.text(0x0a, ref.SchemaUrl())
	w.text(0x12, ref.Type())
	w.strings(0x1a, ref.IdKeys())
	w.strings(0x22, ref.DescriptionKeys())
	w.Prefix(0x1a, end)
}

func (w *Writer) strings(tag byte, all pcommon.StringSlice) {
	for i := all.Len() - 1; i >= 0; i-- {
		w.anyText(tag, all.At(i))
	}
}

// value writes an AnyValue message under tag.
func (w *Writer) value(tag byte, v pcommon.Value) {
	end := w.Mark()
	switch v.Type() {
	case pcommon.ValueTypeStr:
		w.anyText(0x0a, v.Str())
	case pcommon.ValueTypeBool:
		w.need(2)
		w.at -= 2
		w.buf[w.at], w.buf[w.at+1] = 0x10, 0
		if v.Bool() {
			w.buf[w.at+1] = 1
		}
	case pcommon.ValueTypeInt:
		w.need(maxPrefix)
		w.varint(uint64(v.Int()))
		w.at--
		w.buf[w.at] = 0x18
	case pcommon.ValueTypeDouble:
		w.fixed64(0x21, math.Float64bits(v.Double()))
	case pcommon.ValueTypeSlice:
		w.array(v.Slice())
	case pcommon.ValueTypeMap:
		inner := w.Mark()
		w.attributes(0x0a, v.Map())
		w.Prefix(0x32, inner)
	case pcommon.ValueTypeBytes:
		w.byteSlice(0x3a, v.Bytes())
	}
	w.Prefix(tag, end)
}

func (w *Writer) array(values pcommon.Slice) {
	end := w.Mark()
	for i := values.Len() - 1; i >= 0; i-- {
		w.value(0x0a, values.At(i))
	}
	w.Prefix(0x2a, end)
}

func (w *Writer) byteSlice(tag byte, b pcommon.ByteSlice) {
	n := b.Len()
	w.need(n + maxPrefix)
	w.at -= n
	for i := range n {
		w.buf[w.at+i] = b.At(i)
	}
	w.varint(uint64(n))
	w.at--
	w.buf[w.at] = tag
}
