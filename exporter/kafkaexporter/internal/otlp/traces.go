// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import "go.opentelemetry.io/collector/pdata/ptrace"

// ResourceSpans writes a whole ResourceSpans message with its tag.
func (w *Writer) ResourceSpans(rs ptrace.ResourceSpans) {
	end := w.Mark()
	w.Resource(rs.Resource())
	scopes := rs.ScopeSpans()
	for i := scopes.Len() - 1; i >= 0; i-- {
		w.scopeSpans(scopes.At(i))
	}
	w.Schema(rs.SchemaUrl())
	w.Prefix(TagResource, end)
}

func (w *Writer) scopeSpans(ss ptrace.ScopeSpans) {
	end := w.Mark()
	w.Scope(ss.Scope())
	spans := ss.Spans()
	for i := spans.Len() - 1; i >= 0; i-- {
		w.Span(spans.At(i))
	}
	w.Schema(ss.SchemaUrl())
	w.Prefix(TagScope, end)
}

// Span writes a Span message with its tag.
func (w *Writer) Span(s ptrace.Span) {
	end := w.Mark()
	w.traceID(0x0a, s.TraceID())
	w.spanID(0x12, s.SpanID())
	w.text(0x1a, s.TraceState().AsRaw())
	w.spanID(0x22, s.ParentSpanID())
	w.wideFixed32(0x01, 0x85, s.Flags())
	w.text(0x2a, s.Name())
	w.uint(0x30, uint64(s.Kind()))
	w.time(0x39, s.StartTimestamp())
	w.time(0x41, s.EndTimestamp())
	w.attributes(0x4a, s.Attributes())
	w.uint(0x50, uint64(s.DroppedAttributesCount()))
	events := s.Events()
	for i := events.Len() - 1; i >= 0; i-- {
		w.spanEvent(events.At(i))
	}
	w.uint(0x60, uint64(s.DroppedEventsCount()))
	links := s.Links()
	for i := links.Len() - 1; i >= 0; i-- {
		w.spanLink(links.At(i))
	}
	w.uint(0x70, uint64(s.DroppedLinksCount()))
	status := w.Mark()
	w.text(0x12, s.Status().Message())
	w.uint(0x18, uint64(s.Status().Code()))
	w.Prefix(0x7a, status)
	w.Prefix(TagItem, end)
}

// wideFixed32 writes a field of four bytes whose tag takes two, unless it is zero.
func (w *Writer) wideFixed32(high, low byte, v uint32) {
	if v == 0 {
		return
	}
	w.fixed32(high, v)
	w.need(1)
	w.at--
	w.buf[w.at] = low
}

func (w *Writer) spanEvent(e ptrace.SpanEvent) {
	end := w.Mark()
	w.time(0x09, e.Timestamp())
	w.text(0x12, e.Name())
	w.attributes(0x1a, e.Attributes())
	w.uint(0x20, uint64(e.DroppedAttributesCount()))
	w.Prefix(0x5a, end)
}

func (w *Writer) spanLink(l ptrace.SpanLink) {
	end := w.Mark()
	w.traceID(0x0a, l.TraceID())
	w.spanID(0x12, l.SpanID())
	w.text(0x1a, l.TraceState().AsRaw())
	w.attributes(0x22, l.Attributes())
	w.uint(0x28, uint64(l.DroppedAttributesCount()))
	w.fixed32(0x35, l.Flags())
	w.Prefix(0x6a, end)
}
