// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
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

// AppendResource appends the resource field of a ResourceX message.
func AppendResource(b []byte, r pcommon.Resource) []byte {
	b, start := Begin(b, tagSelf, nestedWidth)
	for _, ref := range entity.ResourceEntityRefs(r).All() {
		b = appendEntityRef(b, ref)
	}
	b = appendUint(b, 0x10, uint64(r.DroppedAttributesCount()))
	b = appendAttributes(b, 0x0a, r.Attributes(), 0)
	return End(b, start, nestedWidth)
}

// AppendSchema appends the schema URL of a ResourceX or ScopeX message.
func AppendSchema(b []byte, url string) []byte { return appendText(b, tagSchema, url) }

// AppendScope appends the scope field of a ScopeX message.
func AppendScope(b []byte, s pcommon.InstrumentationScope) []byte {
	b, start := Begin(b, tagSelf, nestedWidth)
	b = appendUint(b, 0x20, uint64(s.DroppedAttributesCount()))
	b = appendAttributes(b, 0x1a, s.Attributes(), 0)
	b = appendText(b, 0x12, s.Version())
	b = appendText(b, 0x0a, s.Name())
	return End(b, start, nestedWidth)
}

func appendEntityRef(b []byte, ref entity.EntityRef) []byte {
	b, start := Begin(b, 0x1a, nestedWidth)
	b = appendTexts(b, 0x22, ref.DescriptionKeys())
	b = appendTexts(b, 0x1a, ref.IdKeys())
	b = appendText(b, 0x12, ref.Type())
	b = appendText(b, 0x0a, ref.SchemaUrl())
	return End(b, start, nestedWidth)
}

func appendTexts(b []byte, tag byte, all pcommon.StringSlice) []byte {
	for _, s := range all.All() {
		b = appendAnyText(b, tag, s)
	}
	return b
}
