// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/testdata"
	"go.opentelemetry.io/collector/pdata/xpdata/entity"
)

// The oracle is pdata's own marshaller: the bytes have to be the same.

func TestTracesAreWrittenAsPdataWritesThem(t *testing.T) {
	td := testdata.GenerateTraces(20)
	for _, rs := range td.ResourceSpans().All() {
		fillResource(rs.Resource())
		rs.SetSchemaUrl("https://example.org/resource")
		for _, ss := range rs.ScopeSpans().All() {
			fillScope(ss.Scope())
			ss.SetSchemaUrl("https://example.org/scope")
			for _, span := range ss.Spans().All() {
				span.SetTraceID(pcommon.TraceID{15: 1})
				span.SetSpanID(pcommon.SpanID{7: 1})
				span.SetParentSpanID(pcommon.SpanID{7: 2})
				span.TraceState().FromRaw("ot=th:8")
				span.SetFlags(0x301)
				span.SetKind(ptrace.SpanKindConsumer)
				span.SetDroppedLinksCount(300)
				fillAttributes(span.Attributes())
				link := span.Links().AppendEmpty()
				link.SetTraceID(pcommon.TraceID{1})
				link.SetFlags(1)
				link.TraceState().FromRaw("a=b")
				fillAttributes(link.Attributes())
			}
		}
	}
	sameTraces(t, td)
	sameTraces(t, ptrace.NewTraces())
}

func TestLogsAreWrittenAsPdataWritesThem(t *testing.T) {
	ld := testdata.GenerateLogs(20)
	for _, rl := range ld.ResourceLogs().All() {
		fillResource(rl.Resource())
		for i, record := range rl.ScopeLogs().At(0).LogRecords().All() {
			record.SetEventName("event")
			record.SetFlags(plog.DefaultLogRecordFlags.WithIsSampled(true))
			fillAttributes(record.Body().SetEmptyMap())
			if i%2 == 0 {
				record.Body().SetEmptySlice().AppendEmpty().SetStr("element")
			}
		}
	}
	sameLogs(t, ld)
	sameLogs(t, plog.NewLogs())
}

func TestMetricsAreWrittenAsPdataWritesThem(t *testing.T) {
	md := testdata.GenerateMetrics(20)
	for _, metric := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		metric.SetUnit("s")
		fillAttributes(metric.Metadata())
		fillPoints(metric)
	}
	sameMetrics(t, md)
	sameMetrics(t, pmetric.NewMetrics())
}

func fillPoints(metric pmetric.Metric) {
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		exemplar := metric.Gauge().DataPoints().AppendEmpty().Exemplars().AppendEmpty()
		exemplar.SetTraceID(pcommon.TraceID{1})
		exemplar.SetIntValue(-7)
		fillAttributes(exemplar.FilteredAttributes())
	case pmetric.MetricTypeHistogram:
		p := metric.Histogram().DataPoints().AppendEmpty()
		p.SetMin(0)
		p.SetMax(math.Inf(1))
		p.SetSum(math.NaN())
		p.BucketCounts().FromRaw([]uint64{0, 1, math.MaxUint64})
		p.ExplicitBounds().FromRaw([]float64{-1, 0})
	case pmetric.MetricTypeExponentialHistogram:
		p := metric.ExponentialHistogram().DataPoints().AppendEmpty()
		p.SetScale(-10)
		p.SetZeroThreshold(math.SmallestNonzeroFloat64)
		p.Negative().SetOffset(math.MinInt32)
		p.Negative().BucketCounts().FromRaw([]uint64{0, 200, math.MaxUint64})
		p.Exemplars().AppendEmpty().SetDoubleValue(0)
	}
}

// fillAttributes puts a value of each kind.
func fillAttributes(m pcommon.Map) {
	m.PutEmpty("empty")
	m.PutStr("", "no key")
	m.PutStr("no text", "")
	m.PutBool("yes", true)
	m.PutBool("no", false)
	m.PutInt("negative", math.MinInt64)
	m.PutDouble("double", math.Pi)
	m.PutEmptyBytes("bytes").FromRaw([]byte{0, 1, 255})
	nested := m.PutEmptySlice("nested").AppendEmpty().SetEmptyMap()
	nested.PutStr("a", "b")
	nested.PutEmptyMap("c").PutInt("d", 1)
	nested.PutStr("e", "f")
	m.PutEmptyMap("none")
}

// TestLengthsOfAnySizeAreWritten takes messages across the sizes at which their length takes another byte.
func TestLengthsOfAnySizeAreWritten(t *testing.T) {
	for _, items := range []int{1, 63, 64, 65, 300} {
		for _, size := range []int{0, 1, 55, 56, 57, 100, 110, 120, 125, 126, 127, 128, 129, 16200, 16383, 16384, 16385} {
			text := strings.Repeat("x", size)
			ld := plog.NewLogs()
			rl := ld.ResourceLogs().AppendEmpty()
			rl.Resource().Attributes().PutStr("text", text)
			records := rl.ScopeLogs().AppendEmpty().LogRecords()
			for range items {
				records.AppendEmpty().Attributes().PutStr("text", text)
			}
			nested := records.AppendEmpty().Body().SetEmptySlice()
			nested.AppendEmpty().SetStr(text)
			nested.AppendEmpty().SetEmptyMap().PutEmptyBytes("bytes").FromRaw([]byte(text))
			sameLogs(t, ld)
		}
	}
}

func TestValuesNestedAtAnyDepthAreWritten(t *testing.T) {
	for depth := range 4 * maxDepth {
		ld := plog.NewLogs()
		record := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		nest(record.Body(), depth)
		nest(record.Attributes().PutEmpty("nested"), depth)
		sameLogs(t, ld)
	}
}

// nest puts a value into so many maps and lists, which hold a text each as well.
func nest(v pcommon.Value, depth int) {
	text := strings.Repeat("x", 10*depth)
	switch {
	case depth == 0:
		v.SetInt(1 << 40)
	case depth%2 == 0:
		m := v.SetEmptyMap()
		nest(m.PutEmpty("inner"), depth-1)
		m.PutStr("text", text)
	default:
		s := v.SetEmptySlice()
		s.AppendEmpty().SetStr(text)
		nest(s.AppendEmpty(), depth-1)
	}
}

func fillResource(r pcommon.Resource) {
	fillAttributes(r.Attributes())
	r.SetDroppedAttributesCount(7)
	ref := entity.ResourceEntityRefs(r).AppendEmpty()
	ref.SetSchemaUrl("https://example.org/entity")
	ref.SetType("service")
	ref.IdKeys().Append("service.name", "")
	ref.DescriptionKeys().Append("service.version")
}

func fillScope(s pcommon.InstrumentationScope) {
	s.SetName("scope")
	s.SetVersion("1.0")
	s.SetDroppedAttributesCount(math.MaxUint32)
	fillAttributes(s.Attributes())
}

func sameTraces(t *testing.T, td ptrace.Traces) {
	want, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	require.NoError(t, err)
	same(t, want, func(b []byte) []byte { return appendTraces(b, td) })
}

func sameLogs(t *testing.T, ld plog.Logs) {
	want, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
	require.NoError(t, err)
	same(t, want, func(b []byte) []byte { return appendLogs(b, ld) })
}

func sameMetrics(t *testing.T, md pmetric.Metrics) {
	want, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
	require.NoError(t, err)
	same(t, want, func(b []byte) []byte { return appendMetrics(b, md) })
}

// same writes into a fresh buffer, which has to grow, and into one that was used before, behind room for somebody else.
func same(t *testing.T, want []byte, write func(b []byte) []byte) {
	t.Helper()
	require.Equal(t, string(want), string(write(nil)))
	// What is there before stays, and what lies behind does not matter.
	const room = 33
	used := bytes.Repeat([]byte{0xff}, room+len(want)+8)
	written := write(used[:room])
	require.Equal(t, string(want), string(written[room:]))
	require.Equal(t, bytes.Repeat([]byte{0xff}, room), written[:room])
}

func appendTraces(b []byte, td ptrace.Traces) []byte {
	for _, rs := range td.ResourceSpans().All() {
		b = AppendResourceSpans(b, rs)
	}
	return b
}

func appendLogs(b []byte, ld plog.Logs) []byte {
	for _, rl := range ld.ResourceLogs().All() {
		b = AppendResourceLogs(b, rl)
	}
	return b
}

func appendMetrics(b []byte, md pmetric.Metrics) []byte {
	for _, rm := range md.ResourceMetrics().All() {
		b = AppendResourceMetrics(b, rm)
	}
	return b
}
