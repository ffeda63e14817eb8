// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"math"
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
	same(t, want, func(w *Writer) {
		for i := td.ResourceSpans().Len() - 1; i >= 0; i-- {
			w.ResourceSpans(td.ResourceSpans().At(i))
		}
	})
}

func sameLogs(t *testing.T, ld plog.Logs) {
	want, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
	require.NoError(t, err)
	same(t, want, func(w *Writer) {
		for i := ld.ResourceLogs().Len() - 1; i >= 0; i-- {
			w.ResourceLogs(ld.ResourceLogs().At(i))
		}
	})
}

func sameMetrics(t *testing.T, md pmetric.Metrics) {
	want, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
	require.NoError(t, err)
	same(t, want, func(w *Writer) {
		for i := md.ResourceMetrics().Len() - 1; i >= 0; i-- {
			w.ResourceMetrics(md.ResourceMetrics().At(i))
		}
	})
}

// same writes into a fresh buffer, which has to grow, and into one that was used before, behind room for somebody else.
func same(t *testing.T, want []byte, write func(w *Writer)) {
	t.Helper()
	const room = 33
	var w Writer
	w.Reset(0)
	write(&w)
	require.Equal(t, string(want), string(w.Bytes(w.Mark(), 0)))
	for i := range w.Whole() {
		w.buf[i] = 0xff
	}
	w.Reset(room)
	write(&w)
	require.Equal(t, string(want), string(w.Bytes(w.Mark(), room)))
}
