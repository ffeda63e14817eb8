// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package encode

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// TestCuttingLosesAndRepeatsNothing cuts random traces to random sizes: every span is in one piece, in its resource and
// scope, no piece is larger than allowed, and what is called too large is one span that is.
func TestCuttingLosesAndRepeatsNothing(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 5))
		td := makeTraces(r, 1+r.IntN(5), r.IntN(4), r.IntN(8), 5)
		for _, rs := range td.ResourceSpans().All() {
			if r.IntN(3) == 0 {
				rs.Resource().Attributes().PutStr("long", strings.Repeat("x", r.IntN(600)))
			}
		}
		value, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
		require.NoError(t, err)
		most := 1 + r.IntN(2*len(value)+1)
		fit, tooLarge, err := CutItems(value, most)
		require.NoError(t, err)
		var all []string
		for _, piece := range fit {
			require.LessOrEqual(t, len(piece.Value), most, "seed %d", seed)
			all = append(all, spansOfPiece(t, piece)...)
		}
		for _, piece := range tooLarge {
			require.Greater(t, len(piece.Value), most, "seed %d", seed)
			require.LessOrEqual(t, piece.Items, 1)
			all = append(all, spansOfPiece(t, piece)...)
		}
		want := spansOf(td)
		slices.Sort(all)
		slices.Sort(want)
		require.Equal(t, want, all, "seed %d, at most %d bytes", seed, most)
		if len(value) <= most {
			require.Len(t, fit, min(1, td.ResourceSpans().Len()))
		}
	}
}

func spansOfPiece(t *testing.T, piece Piece) []string {
	t.Helper()
	part := parseTraces(t, false, piece.Value)
	require.Equal(t, part.SpanCount(), piece.Items)
	return spansOf(part)
}

func TestPartsStayTogetherWhereTheyCan(t *testing.T) {
	td := makeTraces(rand.New(rand.NewPCG(1, 1)), 4, 1, 10, 5)
	value, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	require.NoError(t, err)
	fit, tooLarge, err := CutItems(value, len(value)*6/10)
	require.NoError(t, err)
	require.Empty(t, tooLarge)
	require.Len(t, fit, 2)
	for _, piece := range fit {
		assert.Equal(t, 2, parseTraces(t, false, piece.Value).ResourceSpans().Len())
	}
}

func TestMetricsAreCutByDataPoint(t *testing.T) {
	md := pmetric.NewMetrics()
	metrics := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	sum := metrics.AppendEmpty()
	sum.SetName("requests")
	sum.SetUnit("1")
	sum.SetEmptySum().SetIsMonotonic(true)
	sum.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	histogram := metrics.AppendEmpty()
	histogram.SetName("latency")
	histogram.SetEmptyHistogram()
	for n := range 50 {
		sum.Sum().DataPoints().AppendEmpty().SetIntValue(int64(n))
		histogram.Histogram().DataPoints().AppendEmpty().SetCount(uint64(n))
	}
	metrics.AppendEmpty().SetName("without data")
	value, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
	require.NoError(t, err)
	fit, tooLarge, err := CutMetrics(value, 200)
	require.NoError(t, err)
	require.Empty(t, tooLarge)
	require.Greater(t, len(fit), 5)
	seen := map[string]int{}
	for _, piece := range fit {
		require.LessOrEqual(t, len(piece.Value), 200)
		part, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(piece.Value)
		require.NoError(t, err)
		require.Equal(t, part.DataPointCount(), piece.Items)
		for _, m := range part.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
			switch m.Type() {
			case pmetric.MetricTypeSum:
				require.True(t, m.Sum().IsMonotonic())
				require.Equal(t, pmetric.AggregationTemporalityCumulative, m.Sum().AggregationTemporality())
				for _, point := range m.Sum().DataPoints().All() {
					seen[fmt.Sprint(m.Name(), m.Unit(), point.IntValue())]++
				}
			case pmetric.MetricTypeHistogram:
				for _, point := range m.Histogram().DataPoints().All() {
					seen[fmt.Sprint(m.Name(), point.Count())]++
				}
			default:
				seen[m.Name()]++
			}
		}
	}
	assert.Len(t, seen, 101)
	for name, count := range seen {
		assert.Equal(t, 1, count, name)
	}
}

// FuzzCut: whatever the bytes are, they are refused, or the pieces hold every item and keep to the limit.
func FuzzCut(f *testing.F) {
	for seed := range uint64(3) {
		value, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(makeTraces(rand.New(rand.NewPCG(seed, 1)), 2, 2, 3, 2))
		require.NoError(f, err)
		f.Add(value, uint16(300))
	}
	f.Add([]byte{0x0a, 0x00}, uint16(1))
	f.Fuzz(func(t *testing.T, value []byte, most uint16) {
		whole := &cutter{levels: levelsOfItems}
		items, countErr := whole.count(0, value)
		given := bytes.Clone(value)
		fit, tooLarge, err := CutItems(value, int(most))
		require.Equal(t, given, value)
		if err != nil {
			return
		}
		require.NoError(t, countErr)
		total := 0
		for _, piece := range fit {
			require.LessOrEqual(t, len(piece.Value), int(most))
			total += piece.Items
		}
		for _, piece := range tooLarge {
			total += piece.Items
		}
		require.Equal(t, items, total)
	})
}

func BenchmarkCut(b *testing.B) {
	value, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(makeTraces(rand.New(rand.NewPCG(1, 1)), 10, 2, 50, 256))
	require.NoError(b, err)
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		_, _, err := CutItems(value, len(value)/4)
		require.NoError(b, err)
	}
}
