// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package dropin

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// attributes fills a resource; every second one names a topic.
func attributes(m pcommon.Map, n int) {
	m.PutStr("service.name", fmt.Sprintf("service-%d", n))
	m.PutInt("number", int64(n))
	m.PutEmptySlice("list").AppendEmpty().SetDouble(1.5)
	m.PutEmptyMap("nested").PutBool("yes", n%2 == 0)
	if n%2 == 1 {
		m.PutStr("topic", "from_attribute")
	}
}

func traceID(n int) pcommon.TraceID { return pcommon.TraceID{1, 2, 3, 7: byte(n), 15: byte(n + 1)} }

func traces(resources, spans int) ptrace.Traces {
	td := ptrace.NewTraces()
	for r := range resources {
		rs := td.ResourceSpans().AppendEmpty()
		rs.SetSchemaUrl("https://opentelemetry.io/schemas/1.41.0")
		attributes(rs.Resource().Attributes(), r)
		ss := rs.ScopeSpans().AppendEmpty()
		ss.Scope().SetName("scope")
		for n := range spans {
			span := ss.Spans().AppendEmpty()
			span.SetTraceID(traceID(n % 5))
			span.SetSpanID(pcommon.SpanID{byte(r), byte(n + 1)})
			span.SetParentSpanID(pcommon.SpanID{9, byte(n)})
			span.SetName(fmt.Sprintf("GET /%d", n))
			span.SetKind(ptrace.SpanKindServer)
			span.SetStartTimestamp(1_700_000_000_000_000_000)
			span.SetEndTimestamp(1_700_000_000_100_000_000)
			span.Status().SetCode(ptrace.StatusCodeError)
			span.Attributes().PutStr("http.request.method", "GET")
			span.Events().AppendEmpty().SetName("exception")
			span.Links().AppendEmpty().SetTraceID(traceID(99))
		}
	}
	return td
}

// oneTag makes a span that becomes a Zipkin span with one tag: of several, the order in protobuf is chance.
func oneTag() ptrace.Traces {
	td := ptrace.NewTraces()
	span := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetTraceID(traceID(1))
	span.SetSpanID(pcommon.SpanID{1})
	span.SetName("GET")
	span.SetKind(ptrace.SpanKindClient)
	span.SetStartTimestamp(1_700_000_000_000_000_000)
	span.SetEndTimestamp(1_700_000_000_100_000_000)
	span.Attributes().PutStr("http.request.method", "GET")
	return td
}

func metrics() pmetric.Metrics {
	md := pmetric.NewMetrics()
	for r := range 4 {
		rm := md.ResourceMetrics().AppendEmpty()
		attributes(rm.Resource().Attributes(), r)
		m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
		m.SetName("requests")
		for n := range 3 {
			point := m.SetEmptySum().DataPoints().AppendEmpty()
			point.SetIntValue(int64(n))
		}
	}
	return md
}

func logs(resources int) plog.Logs {
	ld := plog.NewLogs()
	for r := range resources {
		rl := ld.ResourceLogs().AppendEmpty()
		attributes(rl.Resource().Attributes(), r)
		records := rl.ScopeLogs().AppendEmpty().LogRecords()
		for n := range 9 {
			lr := records.AppendEmpty()
			lr.SetTraceID(traceID(n % 3))
			body(lr.Body(), n)
		}
		records.AppendEmpty().Body().SetStr("no trace")
	}
	return ld
}

// body sets one of each kind of value.
func body(v pcommon.Value, n int) {
	switch n {
	case 0:
		v.SetStr("<a line & \"quotes\">")
	case 1:
		v.SetInt(-7)
	case 2:
		v.SetDouble(0.1)
	case 3:
		v.SetBool(true)
	case 4:
		v.SetEmptyBytes().FromRaw([]byte{0, 1, 255})
	case 5:
		v.SetEmptySlice().AppendEmpty().SetStr("in a list")
	case 6:
		m := v.SetEmptyMap()
		m.PutStr("b", "2")
		m.PutStr("a", "1")
	case 7:
		v.SetEmptyBytes() // nothing that could be sent
	}
}

func profiles() pprofile.Profiles {
	pd := pprofile.NewProfiles()
	pd.Dictionary().StringTable().Append("", "cpu")
	for r := range 2 {
		rp := pd.ResourceProfiles().AppendEmpty()
		attributes(rp.Resource().Attributes(), r)
		rp.ScopeProfiles().AppendEmpty().Profiles().AppendEmpty().Samples().AppendEmpty().Values().Append(int64(r))
	}
	return pd
}
