// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// takeSpans moves the spans of certain traces out of the batch, if there are any.
func takeSpans(td ptrace.Traces, which func(pcommon.TraceID) bool) (taken ptrace.Traces, found bool) {
	for span := range spansIn(td) {
		if which(span.TraceID()) {
			return moveSpans(td, which), true
		}
	}
	return ptrace.Traces{}, false
}

func moveSpans(td ptrace.Traces, which func(pcommon.TraceID) bool) ptrace.Traces {
	taken := ptrace.NewTraces()
	td.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
		resource := ptrace.NewTraces().ResourceSpans()
		to := resource.AppendEmpty()
		rs.ScopeSpans().RemoveIf(func(ss ptrace.ScopeSpans) bool {
			spans := ptrace.NewSpanSlice()
			ss.Spans().RemoveIf(func(span ptrace.Span) bool {
				if !which(span.TraceID()) {
					return false
				}
				span.MoveTo(spans.AppendEmpty())
				return true
			})
			if spans.Len() > 0 {
				scope := to.ScopeSpans().AppendEmpty()
				ss.Scope().CopyTo(scope.Scope())
				scope.SetSchemaUrl(ss.SchemaUrl())
				spans.MoveAndAppendTo(scope.Spans())
			}
			return ss.Spans().Len() == 0
		})
		if to.ScopeSpans().Len() > 0 {
			rs.Resource().CopyTo(to.Resource())
			to.SetSchemaUrl(rs.SchemaUrl())
			resource.MoveAndAppendTo(taken.ResourceSpans())
		}
		return rs.ScopeSpans().Len() == 0
	})
	return taken
}
