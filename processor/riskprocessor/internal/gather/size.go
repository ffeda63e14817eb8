// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package gather

import "go.opentelemetry.io/collector/pdata/ptrace"

// How much memory something takes is estimated by its bytes on the wire, and where those are few by its objects.
const (
	// heapFactor is how much more memory spans take than they have bytes on the wire: 1.1 to 2.7 KB for 0.4 to 0.9 KB were
	// measured, since every attribute is an object.
	heapFactor = 3
	// spanBytes, attributeBytes and eventBytes are what empty ones take; a link takes as much as an event.
	spanBytes      = 256
	attributeBytes = 64
	eventBytes     = 128
	// traceBytes and partBytes are what a trace takes without spans, and the spans of one resource and scope in it.
	traceBytes = 384
	partBytes  = 128
)

// Size is the memory that spans take, as estimated.
func Size(td ptrace.Traces) int64 {
	var objects int64
	for _, rs := range td.ResourceSpans().All() {
		objects += originObjects(rs)
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				objects += spanObjects(span)
			}
		}
	}
	return max(heapFactor*int64((&ptrace.ProtoMarshaler{}).TracesSize(td)), objects)
}

func spanSize(span ptrace.Span) int64 {
	return max(heapFactor*int64((&ptrace.ProtoMarshaler{}).SpanSize(span)), spanObjects(span))
}

func spanObjects(span ptrace.Span) int64 {
	return spanBytes + attributeBytes*int64(span.Attributes().Len()) + eventBytes*int64(span.Events().Len()+span.Links().Len())
}

func originSize(rs ptrace.ResourceSpans) int64 {
	return max(heapFactor*int64((&ptrace.ProtoMarshaler{}).ResourceSpansSize(rs)), originObjects(rs))
}

func originObjects(rs ptrace.ResourceSpans) int64 {
	return spanBytes + attributeBytes*int64(rs.Resource().Attributes().Len())
}
