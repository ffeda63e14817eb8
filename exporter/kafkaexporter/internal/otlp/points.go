// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// tagPoint is a data point in any kind of metric.
const tagPoint = 0x0a

func (w *Writer) numbers(points pmetric.NumberDataPointSlice) {
	for i := points.Len() - 1; i >= 0; i-- {
		p, end := points.At(i), w.Mark()
		w.attributes(0x3a, p.Attributes())
		w.time(0x11, p.StartTimestamp())
		w.time(0x19, p.Timestamp())
		switch p.ValueType() {
		case pmetric.NumberDataPointValueTypeDouble:
			w.double(0x21, p.DoubleValue())
		case pmetric.NumberDataPointValueTypeInt:
			w.fixed64(0x31, uint64(p.IntValue()))
		}
		w.exemplars(0x2a, p.Exemplars())
		w.uint(0x40, uint64(p.Flags()))
		w.Prefix(tagPoint, end)
	}
}

func (w *Writer) histograms(points pmetric.HistogramDataPointSlice) {
	for i := points.Len() - 1; i >= 0; i-- {
		p, end := points.At(i), w.Mark()
		w.attributes(0x4a, p.Attributes())
		w.time(0x11, p.StartTimestamp())
		w.time(0x19, p.Timestamp())
		w.count(0x21, p.Count())
		w.optional(0x29, p.HasSum(), p.Sum())
		w.counts(0x32, p.BucketCounts())
		w.bounds(0x3a, p.ExplicitBounds())
		w.exemplars(0x42, p.Exemplars())
		w.uint(0x50, uint64(p.Flags()))
		w.optional(0x59, p.HasMin(), p.Min())
		w.optional(0x61, p.HasMax(), p.Max())
		w.Prefix(tagPoint, end)
	}
}

func (w *Writer) exponentials(points pmetric.ExponentialHistogramDataPointSlice) {
	for i := points.Len() - 1; i >= 0; i-- {
		p, end := points.At(i), w.Mark()
		w.attributes(0x0a, p.Attributes())
		w.time(0x11, p.StartTimestamp())
		w.time(0x19, p.Timestamp())
		w.count(0x21, p.Count())
		w.optional(0x29, p.HasSum(), p.Sum())
		w.sint(0x30, p.Scale())
		w.count(0x39, p.ZeroCount())
		w.buckets(0x42, p.Positive())
		w.buckets(0x4a, p.Negative())
		w.uint(0x50, uint64(p.Flags()))
		w.exemplars(0x5a, p.Exemplars())
		w.optional(0x61, p.HasMin(), p.Min())
		w.optional(0x69, p.HasMax(), p.Max())
		w.nonZero(0x71, p.ZeroThreshold())
		w.Prefix(tagPoint, end)
	}
}

func (w *Writer) summaries(points pmetric.SummaryDataPointSlice) {
	for i := points.Len() - 1; i >= 0; i-- {
		p, end := points.At(i), w.Mark()
		w.attributes(0x3a, p.Attributes())
		w.time(0x11, p.StartTimestamp())
		w.time(0x19, p.Timestamp())
		w.count(0x21, p.Count())
		w.nonZero(0x29, p.Sum())
		quantiles := p.QuantileValues()
		for j := quantiles.Len() - 1; j >= 0; j-- {
			quantileEnd := w.Mark()
			w.nonZero(0x09, quantiles.At(j).Quantile())
			w.nonZero(0x11, quantiles.At(j).Value())
			w.Prefix(0x32, quantileEnd)
		}
		w.uint(0x40, uint64(p.Flags()))
		w.Prefix(tagPoint, end)
	}
}

func (w *Writer) exemplars(tag byte, all pmetric.ExemplarSlice) {
	for i := all.Len() - 1; i >= 0; i-- {
		e, end := all.At(i), w.Mark()
		w.attributes(0x3a, e.FilteredAttributes())
		w.time(0x11, e.Timestamp())
		switch e.ValueType() {
		case pmetric.ExemplarValueTypeDouble:
			w.double(0x19, e.DoubleValue())
		case pmetric.ExemplarValueTypeInt:
			w.fixed64(0x31, uint64(e.IntValue()))
		}
		w.traceID(0x2a, e.TraceID())
		w.spanID(0x22, e.SpanID())
		w.Prefix(tag, end)
	}
}

func (w *Writer) buckets(tag byte, b pmetric.ExponentialHistogramDataPointBuckets) {
	end := w.Mark()
	w.sint(0x08, b.Offset())
	if counts := b.BucketCounts(); counts.Len() > 0 {
		packed := w.Mark()
		for i := counts.Len() - 1; i >= 0; i-- {
			w.need(maxPrefix)
			w.varint(counts.At(i))
		}
		w.Prefix(0x12, packed)
	}
	w.Prefix(tag, end)
}

// optional writes a double field that says by being there that it was set.
func (w *Writer) optional(tag byte, set bool, v float64) {
	if set {
		w.double(tag, v)
	}
}

// counts writes packed fixed64 numbers, unless there are none.
func (w *Writer) counts(tag byte, all pcommon.UInt64Slice) {
	if all.Len() == 0 {
		return
	}
	end := w.Mark()
	for i := all.Len() - 1; i >= 0; i-- {
		w.packed(all.At(i))
	}
	w.Prefix(tag, end)
}

// bounds writes packed doubles, unless there are none.
func (w *Writer) bounds(tag byte, all pcommon.Float64Slice) {
	if all.Len() == 0 {
		return
	}
	end := w.Mark()
	for i := all.Len() - 1; i >= 0; i-- {
		w.packed(math.Float64bits(all.At(i)))
	}
	w.Prefix(tag, end)
}
