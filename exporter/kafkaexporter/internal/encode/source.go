// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package encode

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/otlp"
)

// source is a request of any signal, one resource after the other.
type source interface {
	resources() int
	resource(i int) pcommon.Resource
	// items counts the spans, data points or log records of a resource.
	items(resource int) int
	// append appends a whole ResourceX message with its tag.
	append(b []byte, resource int) []byte
}

// traced is a request whose items have trace ids.
type traced interface {
	source
	scopes(resource int) int
	scope(resource, i int) pcommon.InstrumentationScope
	schema(resource int) string
	scopeSchema(resource, scope int) string
	scopeItems(resource, scope int) int
	traceID(at place) pcommon.TraceID
	appendItem(b []byte, at place) []byte
}

// place says where an item stands in a request.
type place struct{ resource, scope, item int32 }

type traces struct{ ptrace.ResourceSpansSlice }

func (t traces) resources() int                  { return t.Len() }
func (t traces) resource(i int) pcommon.Resource { return t.At(i).Resource() }
func (t traces) scopes(resource int) int         { return t.At(resource).ScopeSpans().Len() }
func (t traces) schema(resource int) string      { return t.At(resource).SchemaUrl() }

func (t traces) items(resource int) int {
	n := 0
	for i := range t.scopes(resource) {
		n += t.scopeItems(resource, i)
	}
	return n
}

func (t traces) scope(resource, i int) pcommon.InstrumentationScope {
	return t.At(resource).ScopeSpans().At(i).Scope()
}

func (t traces) scopeSchema(resource, scope int) string {
	return t.At(resource).ScopeSpans().At(scope).SchemaUrl()
}

func (t traces) scopeItems(resource, scope int) int {
	return t.At(resource).ScopeSpans().At(scope).Spans().Len()
}

func (t traces) span(at place) ptrace.Span {
	return t.At(int(at.resource)).ScopeSpans().At(int(at.scope)).Spans().At(int(at.item))
}

func (t traces) traceID(at place) pcommon.TraceID { return t.span(at).TraceID() }

func (t traces) append(b []byte, resource int) []byte {
	return otlp.AppendResourceSpans(b, t.At(resource))
}

func (t traces) appendItem(b []byte, at place) []byte { return otlp.AppendSpan(b, t.span(at)) }

type logs struct{ plog.ResourceLogsSlice }

func (l logs) resources() int                  { return l.Len() }
func (l logs) resource(i int) pcommon.Resource { return l.At(i).Resource() }
func (l logs) scopes(resource int) int         { return l.At(resource).ScopeLogs().Len() }
func (l logs) schema(resource int) string      { return l.At(resource).SchemaUrl() }

func (l logs) items(resource int) int {
	n := 0
	for i := range l.scopes(resource) {
		n += l.scopeItems(resource, i)
	}
	return n
}

func (l logs) scope(resource, i int) pcommon.InstrumentationScope {
	return l.At(resource).ScopeLogs().At(i).Scope()
}

func (l logs) scopeSchema(resource, scope int) string {
	return l.At(resource).ScopeLogs().At(scope).SchemaUrl()
}

func (l logs) scopeItems(resource, scope int) int {
	return l.At(resource).ScopeLogs().At(scope).LogRecords().Len()
}

func (l logs) record(at place) plog.LogRecord {
	return l.At(int(at.resource)).ScopeLogs().At(int(at.scope)).LogRecords().At(int(at.item))
}

func (l logs) traceID(at place) pcommon.TraceID { return l.record(at).TraceID() }

func (l logs) append(b []byte, resource int) []byte {
	return otlp.AppendResourceLogs(b, l.At(resource))
}

func (l logs) appendItem(b []byte, at place) []byte { return otlp.AppendLogRecord(b, l.record(at)) }

type metrics struct{ pmetric.ResourceMetricsSlice }

func (m metrics) resources() int                  { return m.Len() }
func (m metrics) resource(i int) pcommon.Resource { return m.At(i).Resource() }

func (m metrics) append(b []byte, resource int) []byte {
	return otlp.AppendResourceMetrics(b, m.At(resource))
}

func (m metrics) items(resource int) int {
	n := 0
	scopes := m.At(resource).ScopeMetrics()
	for i := range scopes.Len() {
		all := scopes.At(i).Metrics()
		for j := range all.Len() {
			n += pointsOf(all.At(j))
		}
	}
	return n
}

func pointsOf(m pmetric.Metric) int {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return m.Gauge().DataPoints().Len()
	case pmetric.MetricTypeSum:
		return m.Sum().DataPoints().Len()
	case pmetric.MetricTypeHistogram:
		return m.Histogram().DataPoints().Len()
	case pmetric.MetricTypeExponentialHistogram:
		return m.ExponentialHistogram().DataPoints().Len()
	case pmetric.MetricTypeSummary:
		return m.Summary().DataPoints().Len()
	default:
		return 0
	}
}
