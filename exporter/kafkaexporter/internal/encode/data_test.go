// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package encode

import (
	"fmt"
	"math/rand/v2"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func traceID(n int) pcommon.TraceID { return pcommon.TraceID{0: 0xab, 14: byte(n >> 8), 15: byte(n)} }

// makeTraces makes spans of traces 0 to traces-1 in random order; trace 0 stands for spans without a trace id.
func makeTraces(r *rand.Rand, resources, scopes, spans, traces int) ptrace.Traces {
	td := ptrace.NewTraces()
	for i := range resources {
		rs := td.ResourceSpans().AppendEmpty()
		rs.SetSchemaUrl(fmt.Sprintf("https://example.org/resource/%d", i%2))
		rs.Resource().Attributes().PutStr("service.name", fmt.Sprintf("service-%d", i%3))
		for j := range scopes {
			ss := rs.ScopeSpans().AppendEmpty()
			ss.Scope().SetName(fmt.Sprintf("scope-%d", j))
			if j%2 == 0 {
				ss.SetSchemaUrl("https://example.org/scope")
			}
			for k := range spans {
				span := ss.Spans().AppendEmpty()
				if n := r.IntN(traces); n > 0 {
					span.SetTraceID(traceID(n))
				}
				span.SetSpanID(pcommon.SpanID{1, byte(i), byte(j), byte(k >> 8), byte(k)})
				span.SetName("GET")
				span.Attributes().PutStr("url.path", fmt.Sprintf("/cart/%d", k))
				span.Attributes().PutInt("http.response.status_code", 200)
				span.Events().AppendEmpty().SetName("event")
			}
		}
	}
	return td
}

func makeLogs(resources, records, traces int) plog.Logs {
	ld := plog.NewLogs()
	for i := range resources {
		rl := ld.ResourceLogs().AppendEmpty()
		rl.Resource().Attributes().PutInt("n", int64(i%2))
		lrs := rl.ScopeLogs().AppendEmpty().LogRecords()
		for k := range records {
			lr := lrs.AppendEmpty()
			lr.Body().SetStr(fmt.Sprintf("line %d", k))
			if n := k % traces; n > 0 {
				lr.SetTraceID(traceID(n))
			}
		}
	}
	return ld
}

func makeMetrics(resources int) pmetric.Metrics {
	md := pmetric.NewMetrics()
	for i := range resources {
		rm := md.ResourceMetrics().AppendEmpty()
		rm.Resource().Attributes().PutStr("host.name", fmt.Sprintf("host-%d", i%2))
		ms := rm.ScopeMetrics().AppendEmpty().Metrics()
		ms.AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(int64(i))
		ms.AppendEmpty().SetEmptySum().DataPoints().AppendEmpty()
		ms.AppendEmpty().SetEmptyHistogram().DataPoints().AppendEmpty()
		ms.AppendEmpty().SetEmptyExponentialHistogram().DataPoints().AppendEmpty()
		ms.AppendEmpty().SetEmptySummary().DataPoints().AppendEmpty()
		ms.AppendEmpty().SetName("without data")
	}
	return md
}

// spansOf lists what each span of td is and where it stands, so that two requests can be compared as sets.
func spansOf(td ptrace.Traces) []string {
	var all []string
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				all = append(all, fmt.Sprint(rs.SchemaUrl(), rs.Resource().Attributes().AsRaw(), ss.SchemaUrl(), ss.Scope().Name(),
					span.TraceID(), span.SpanID(), span.Name(), span.Attributes().AsRaw(), span.Events().Len()))
			}
		}
	}
	return all
}
