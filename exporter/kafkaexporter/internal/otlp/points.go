// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"encoding/binary"
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

const (
	tagPoint   = 0x0a
	pointWidth = nestedWidth
)

func appendNumbers(b []byte, points pmetric.NumberDataPointSlice) []byte {
	var start int
	for _, p := range points.All() {
		b, start = Begin(b, tagPoint, pointWidth)
		b = appendUint(b, 0x40, uint64(p.Flags()))
		b = appendExemplars(b, 0x2a, p.Exemplars())
		switch p.ValueType() {
		case pmetric.NumberDataPointValueTypeDouble:
			b = appendDouble(b, 0x21, p.DoubleValue())
		case pmetric.NumberDataPointValueTypeInt:
			b = appendFixed64(b, 0x31, uint64(p.IntValue()))
		}
		b = appendTime(b, 0x19, p.Timestamp())
		b = appendTime(b, 0x11, p.StartTimestamp())
		b = appendAttributes(b, 0x3a, p.Attributes(), 0)
		b = End(b, start, pointWidth)
	}
	return b
}

func appendHistograms(b []byte, points pmetric.HistogramDataPointSlice) []byte {
	var start int
	for _, p := range points.All() {
		b, start = Begin(b, tagPoint, pointWidth)
		b = appendOptional(b, 0x61, p.HasMax(), p.Max())
		b = appendOptional(b, 0x59, p.HasMin(), p.Min())
		b = appendUint(b, 0x50, uint64(p.Flags()))
		b = appendExemplars(b, 0x42, p.Exemplars())
		b = appendBounds(b, 0x3a, p.ExplicitBounds())
		b = appendCounts(b, 0x32, p.BucketCounts())
		b = appendOptional(b, 0x29, p.HasSum(), p.Sum())
		b = appendCount(b, 0x21, p.Count())
		b = appendTime(b, 0x19, p.Timestamp())
		b = appendTime(b, 0x11, p.StartTimestamp())
		b = appendAttributes(b, 0x4a, p.Attributes(), 0)
		b = End(b, start, pointWidth)
	}
	return b
}

func appendExponentials(b []byte, points pmetric.ExponentialHistogramDataPointSlice) []byte {
	var start int
	for _, p := range points.All() {
		b, start = Begin(b, tagPoint, pointWidth)
		b = appendNonZero(b, 0x71, p.ZeroThreshold())
		b = appendOptional(b, 0x69, p.HasMax(), p.Max())
		b = appendOptional(b, 0x61, p.HasMin(), p.Min())
		b = appendExemplars(b, 0x5a, p.Exemplars())
		b = appendUint(b, 0x50, uint64(p.Flags()))
		b = appendBuckets(b, 0x4a, p.Negative())
		b = appendBuckets(b, 0x42, p.Positive())
		b = appendCount(b, 0x39, p.ZeroCount())
		b = appendSint(b, 0x30, p.Scale())
		b = appendOptional(b, 0x29, p.HasSum(), p.Sum())
		b = appendCount(b, 0x21, p.Count())
		b = appendTime(b, 0x19, p.Timestamp())
		b = appendTime(b, 0x11, p.StartTimestamp())
		b = appendAttributes(b, 0x0a, p.Attributes(), 0)
		b = End(b, start, pointWidth)
	}
	return b
}

func appendSummaries(b []byte, points pmetric.SummaryDataPointSlice) []byte {
	var start int
	for _, p := range points.All() {
		b, start = Begin(b, tagPoint, pointWidth)
		b = appendUint(b, 0x40, uint64(p.Flags()))
		b = appendQuantiles(b, p.QuantileValues())
		b = appendNonZero(b, 0x29, p.Sum())
		b = appendCount(b, 0x21, p.Count())
		b = appendTime(b, 0x19, p.Timestamp())
		b = appendTime(b, 0x11, p.StartTimestamp())
		b = appendAttributes(b, 0x3a, p.Attributes(), 0)
		b = End(b, start, pointWidth)
	}
	return b
}

func appendQuantiles(b []byte, all pmetric.SummaryDataPointValueAtQuantileSlice) []byte {
	var start int
	for _, q := range all.All() {
		b, start = Begin(b, 0x32, nestedWidth)
		b = appendNonZero(b, 0x11, q.Value())
		b = appendNonZero(b, 0x09, q.Quantile())
		b = End(b, start, nestedWidth)
	}
	return b
}

func appendExemplars(b []byte, tag byte, all pmetric.ExemplarSlice) []byte {
	var start int
	for _, e := range all.All() {
		b, start = Begin(b, tag, nestedWidth)
		b = appendSpanID(b, 0x22, e.SpanID())
		b = appendTraceID(b, 0x2a, e.TraceID())
		switch e.ValueType() {
		case pmetric.ExemplarValueTypeDouble:
			b = appendDouble(b, 0x19, e.DoubleValue())
		case pmetric.ExemplarValueTypeInt:
			b = appendFixed64(b, 0x31, uint64(e.IntValue()))
		}
		b = appendTime(b, 0x11, e.Timestamp())
		b = appendAttributes(b, 0x3a, e.FilteredAttributes(), 0)
		b = End(b, start, nestedWidth)
	}
	return b
}

// appendBuckets appends buckets, also if there are none.
func appendBuckets(b []byte, tag byte, buckets pmetric.ExponentialHistogramDataPointBuckets) []byte {
	b, start := Begin(b, tag, nestedWidth)
	if counts := buckets.BucketCounts(); counts.Len() > 0 {
		var packed int
		b, packed = Begin(b, 0x12, nestedWidth)
		for _, count := range counts.All() {
			b = binary.AppendUvarint(b, count)
		}
		b = End(b, packed, nestedWidth)
	}
	b = appendSint(b, 0x08, buckets.Offset())
	return End(b, start, nestedWidth)
}

// appendOptional appends a number that may be absent, which is not the same as 0.
func appendOptional(b []byte, tag byte, set bool, v float64) []byte {
	if !set {
		return b
	}
	return appendDouble(b, tag, v)
}

// appendCounts appends packed numbers of fixed size.
func appendCounts(b []byte, tag byte, all pcommon.UInt64Slice) []byte {
	if all.Len() == 0 {
		return b
	}
	b = binary.AppendUvarint(append(b, tag), 8*uint64(all.Len()))
	for _, v := range all.All() {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

func appendBounds(b []byte, tag byte, all pcommon.Float64Slice) []byte {
	if all.Len() == 0 {
		return b
	}
	b = binary.AppendUvarint(append(b, tag), 8*uint64(all.Len()))
	for _, v := range all.All() {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b
}
