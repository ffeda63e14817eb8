// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import "go.opentelemetry.io/collector/pdata/ptrace"

// AppendResourceSpans appends a whole ResourceSpans message with its tag.
func AppendResourceSpans(b []byte, rs ptrace.ResourceSpans) []byte {
	scopes, items := rs.ScopeSpans(), 0
	for _, ss := range scopes.All() {
		items += ss.Spans().Len()
	}
	b, start := Begin(b, TagResource, WidthOf(items))
	b = AppendSchema(b, rs.SchemaUrl())
	for _, ss := range scopes.All() {
		b = appendScopeSpans(b, ss)
	}
	b = AppendResource(b, rs.Resource())
	return End(b, start, WidthOf(items))
}

func appendScopeSpans(b []byte, ss ptrace.ScopeSpans) []byte {
	spans := ss.Spans()
	b, start := Begin(b, TagScope, WidthOf(spans.Len()))
	b = AppendSchema(b, ss.SchemaUrl())
	for i := range spans.Len() {
		b = AppendSpan(b, spans.At(i))
	}
	b = AppendScope(b, ss.Scope())
	return End(b, start, WidthOf(spans.Len()))
}

// AppendSpan appends a Span message with its tag.
func AppendSpan(b []byte, s ptrace.Span) []byte {
	b, start := Begin(b, TagItem, itemWidth)
	b = appendStatus(b, s.Status())
	b = appendUint(b, 0x70, uint64(s.DroppedLinksCount()))
	links := s.Links()
	for i := range links.Len() {
		b = appendSpanLink(b, links.At(i))
	}
	b = appendUint(b, 0x60, uint64(s.DroppedEventsCount()))
	events := s.Events()
	for i := range events.Len() {
		b = appendSpanEvent(b, events.At(i))
	}
	b = appendUint(b, 0x50, uint64(s.DroppedAttributesCount()))
	b = appendAttributes(b, 0x4a, s.Attributes(), 0)
	b = appendTime(b, 0x41, s.EndTimestamp())
	b = appendTime(b, 0x39, s.StartTimestamp())
	b = appendUint(b, 0x30, uint64(s.Kind()))
	b = appendText(b, 0x2a, s.Name())
	b = appendWideFixed32(b, 0x85, 0x01, s.Flags())
	b = appendSpanID(b, 0x22, s.ParentSpanID())
	b = appendText(b, 0x1a, s.TraceState().AsRaw())
	b = appendSpanID(b, 0x12, s.SpanID())
	b = appendTraceID(b, 0x0a, s.TraceID())
	return End(b, start, itemWidth)
}

// appendStatus appends a span's status, also if it is unset.
func appendStatus(b []byte, s ptrace.Status) []byte {
	b, start := Begin(b, 0x7a, nestedWidth)
	b = appendUint(b, 0x18, uint64(s.Code()))
	b = appendText(b, 0x12, s.Message())
	return End(b, start, nestedWidth)
}

// appendWideFixed32 appends a field whose number needs a tag of two bytes.
func appendWideFixed32(b []byte, low, high byte, v uint32) []byte {
	if v == 0 {
		return b
	}
	return appendFixed32(append(b, low), high, v)
}

func appendSpanEvent(b []byte, e ptrace.SpanEvent) []byte {
	b, start := Begin(b, 0x5a, nestedWidth)
	b = appendUint(b, 0x20, uint64(e.DroppedAttributesCount()))
	b = appendAttributes(b, 0x1a, e.Attributes(), 0)
	b = appendText(b, 0x12, e.Name())
	b = appendTime(b, 0x09, e.Timestamp())
	return End(b, start, nestedWidth)
}

func appendSpanLink(b []byte, l ptrace.SpanLink) []byte {
	b, start := Begin(b, 0x6a, nestedWidth)
	b = appendFixed32(b, 0x35, l.Flags())
	b = appendUint(b, 0x28, uint64(l.DroppedAttributesCount()))
	b = appendAttributes(b, 0x22, l.Attributes(), 0)
	b = appendText(b, 0x1a, l.TraceState().AsRaw())
	b = appendSpanID(b, 0x12, l.SpanID())
	b = appendTraceID(b, 0x0a, l.TraceID())
	return End(b, start, nestedWidth)
}
