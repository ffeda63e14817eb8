// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// A payload has resourceCount resources with scopeCount scopes of itemCount items each, over traceCount traces that
// reach across resources, as the traces of a request through several services do.
const (
	resourceCount = 5
	scopeCount    = 2
	itemCount     = 6
	traceCount    = 9
)

// maker fills payloads with reproducible content in which every item is different from all others. Payloads of
// different makers differ, and those of one maker do.
type maker struct {
	random *rand.Rand
	seed   uint64
	count  int
}

func newMaker(seed uint64) *maker { return &maker{random: rand.New(rand.NewPCG(seed, 1)), seed: seed} }

// traces makes a payload that uses every field of a span.
func (m *maker) traces() ptrace.Traces {
	payload := ptrace.NewTraces()
	for r := range resourceCount {
		resource := payload.ResourceSpans().AppendEmpty()
		m.resource(resource.Resource(), r)
		resource.SetSchemaUrl("https://opentelemetry.io/schemas/1.41.0")
		for s := range scopeCount {
			scope := resource.ScopeSpans().AppendEmpty()
			m.scope(scope.Scope(), s)
			for range itemCount {
				m.span(scope.Spans().AppendEmpty())
			}
		}
	}
	return payload
}

func (m *maker) span(span ptrace.Span) {
	span.SetTraceID(m.traceID())
	span.SetSpanID(pcommon.SpanID(m.eight()))
	span.SetParentSpanID(pcommon.SpanID(m.eight()))
	span.TraceState().FromRaw("ot=th:8,vendor=x")
	span.SetName("GET /cart/{id}")
	span.SetKind(ptrace.SpanKindServer)
	span.SetFlags(0x101)
	span.SetStartTimestamp(m.time())
	span.SetEndTimestamp(m.time())
	span.SetDroppedAttributesCount(1)
	span.SetDroppedEventsCount(2)
	span.SetDroppedLinksCount(3)
	span.Status().SetCode(ptrace.StatusCodeError)
	span.Status().SetMessage("the card was refused: \u00e9\u4e16")
	m.attributes(span.Attributes())
	event := span.Events().AppendEmpty()
	event.SetName("exception")
	event.SetTimestamp(m.time())
	event.Attributes().PutStr("exception.type", "timeout")
	link := span.Links().AppendEmpty()
	link.SetTraceID(m.traceID())
	link.SetSpanID(pcommon.SpanID(m.eight()))
	link.TraceState().FromRaw("a=b")
	link.Attributes().PutBool("followed", false)
}

// metrics makes a payload with all five kinds of metric.
func (m *maker) metrics() pmetric.Metrics {
	payload := pmetric.NewMetrics()
	for r := range resourceCount {
		resource := payload.ResourceMetrics().AppendEmpty()
		m.resource(resource.Resource(), r)
		for s := range scopeCount {
			scope := resource.ScopeMetrics().AppendEmpty()
			m.scope(scope.Scope(), s)
			scope.SetSchemaUrl("https://opentelemetry.io/schemas/1.41.0")
			for i := range itemCount {
				m.metric(scope.Metrics().AppendEmpty(), i)
			}
		}
	}
	return payload
}

func (m *maker) metric(metric pmetric.Metric, kind int) {
	metric.SetName("http.server.request.duration")
	metric.SetUnit("s")
	metric.SetDescription(fmt.Sprintf("metric %d of maker %d", m.next(), m.seed))
	switch kind % 5 {
	case 0:
		point := metric.SetEmptyGauge().DataPoints().AppendEmpty()
		point.SetDoubleValue(-math.MaxFloat64)
		m.attributes(point.Attributes())
	case 1:
		sum := metric.SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		point := sum.DataPoints().AppendEmpty()
		point.SetIntValue(math.MinInt64)
		point.SetStartTimestamp(m.time())
		point.Exemplars().AppendEmpty().SetTraceID(m.traceID())
	case 2:
		point := metric.SetEmptyHistogram().DataPoints().AppendEmpty()
		point.ExplicitBounds().FromRaw([]float64{0.1, 1})
		point.BucketCounts().FromRaw([]uint64{1, math.MaxUint64, 0})
		point.SetCount(math.MaxUint64)
		point.SetMin(0)
	case 3:
		point := metric.SetEmptyExponentialHistogram().DataPoints().AppendEmpty()
		point.SetScale(-3)
		point.Positive().SetOffset(-7)
		point.Positive().BucketCounts().FromRaw([]uint64{1, 2, 3})
		point.SetZeroThreshold(1e-9)
	case 4:
		point := metric.SetEmptySummary().DataPoints().AppendEmpty()
		point.SetSum(7.5)
		point.QuantileValues().AppendEmpty().SetQuantile(0.99)
	}
}

// logs makes a payload in which one record in seven belongs to no trace.
func (m *maker) logs() plog.Logs {
	payload := plog.NewLogs()
	for r := range resourceCount {
		resource := payload.ResourceLogs().AppendEmpty()
		m.resource(resource.Resource(), r)
		for s := range scopeCount {
			scope := resource.ScopeLogs().AppendEmpty()
			m.scope(scope.Scope(), s)
			for range itemCount {
				m.logRecord(scope.LogRecords().AppendEmpty())
			}
		}
	}
	return payload
}

func (m *maker) logRecord(record plog.LogRecord) {
	n := m.next()
	if n%7 != 0 {
		record.SetTraceID(m.traceID())
		record.SetSpanID(pcommon.SpanID(m.eight()))
	}
	record.SetTimestamp(m.time())
	record.SetObservedTimestamp(m.time())
	record.SetSeverityNumber(plog.SeverityNumberWarn)
	record.SetSeverityText("WARN")
	record.SetEventName("payment.refused")
	record.SetFlags(plog.DefaultLogRecordFlags.WithIsSampled(true))
	record.SetDroppedAttributesCount(4)
	record.Body().SetStr(fmt.Sprintf("line %d of maker %d\nwith a second line", n, m.seed))
	m.attributes(record.Attributes())
}

// resource fills resource number r; its attributes are the same in every payload.
func (m *maker) resource(resource pcommon.Resource, r int) {
	resource.Attributes().PutStr("service.name", fmt.Sprintf("service-%d", r))
	resource.Attributes().PutInt("process.pid", int64(1000+r))
	resource.SetDroppedAttributesCount(uint32(r))
}

func (m *maker) scope(scope pcommon.InstrumentationScope, s int) {
	scope.SetName(fmt.Sprintf("scope-%d", s))
	scope.SetVersion("1.2.3")
	scope.Attributes().PutBool("first", s == 0)
}

// attributes puts one attribute of every type.
func (m *maker) attributes(attributes pcommon.Map) {
	attributes.PutInt("test.number", int64(m.next()))
	attributes.PutInt("test.seed", int64(m.seed))
	attributes.PutInt("test.largest", math.MaxInt64)
	attributes.PutStr("url.path", "/caf\u00e9?q=\"<&>\"\t\n")
	attributes.PutDouble("test.score", m.random.Float64())
	attributes.PutBool("empty", true)
	attributes.PutEmpty("nothing")
	attributes.PutEmptyBytes("bytes").FromRaw([]byte{0, 255, '\n'})
	list := attributes.PutEmptySlice("test.reasons")
	list.AppendEmpty().SetStr("rate")
	list.AppendEmpty().SetInt(-1)
	attributes.PutEmptyMap("nested").PutStr("inner", "value")
}

func (m *maker) next() int {
	m.count++
	return m.count
}

// traceID returns one of the maker's traceCount ids.
func (m *maker) traceID() (id pcommon.TraceID) {
	binary.BigEndian.PutUint64(id[:], m.seed<<8|0xff)
	binary.BigEndian.PutUint64(id[8:], uint64(m.random.IntN(traceCount))+1)
	return id
}

func (m *maker) eight() (id [8]byte) {
	binary.BigEndian.PutUint64(id[:], m.random.Uint64()|1)
	return id
}

func (m *maker) time() pcommon.Timestamp {
	return pcommon.Timestamp(1_790_000_000_000_000_000 + m.random.Int64N(1_000_000_000))
}
