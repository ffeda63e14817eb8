// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnUpperBoundBelongsToItsBucket(t *testing.T) {
	s := newStore(nil)
	h := s.Histogram("x", "", RequestBounds())
	for _, d := range []time.Duration{-1, 0, 5 * time.Millisecond, 5*time.Millisecond + 1, 10 * time.Second, time.Hour} {
		h.Record(nil, &Attributes{}, d)
	}
	all, _ := s.Collect(begin.Add(time.Second))
	p := only(t, all).Histogram().DataPoints().At(0)
	assert.Equal(t, []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}, p.ExplicitBounds().AsRaw())
	assert.Equal(t, []uint64{3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1}, p.BucketCounts().AsRaw())
	assert.EqualValues(t, 6, p.Count())
	assert.InDelta(t, 3610.010000001, p.Sum(), 1e-9)
}

// TestExponentialBucketsHoldWhatTheyMust compares places with the definition of the data model: bucket i holds what is
// above 2^(i/8) s and at most 2^((i+1)/8) s.
func TestExponentialBucketsHoldWhatTheyMust(t *testing.T) {
	for _, d := range []time.Duration{time.Microsecond, 999, 954, 12345, 250 * time.Millisecond, time.Second, time.Second + 1, 7 * time.Minute} {
		s := newStore(nil)
		s.Histogram("x", "", ExponentialBounds()).Record(nil, &Attributes{}, d)
		all, _ := s.Collect(begin.Add(time.Second))
		p := only(t, all).ExponentialHistogram().DataPoints().At(0)
		require.EqualValues(t, 1, p.Count())
		require.EqualValues(t, 3, p.Scale())
		require.Equal(t, []uint64{1}, p.Positive().BucketCounts().AsRaw(), d)
		i := float64(p.Positive().Offset())
		assert.Greater(t, d.Seconds(), math.Exp2(i/8), d)
		assert.LessOrEqual(t, d.Seconds(), math.Exp2((i+1)/8)*(1+1e-12), d)
	}
}

func TestWhatIsTooShortIsZero(t *testing.T) {
	s := newStore(nil)
	h := s.Histogram("x", "", ExponentialBounds())
	h.Record(nil, &Attributes{}, 900)
	h.Record(nil, &Attributes{}, 10*time.Millisecond)
	h.Record(nil, &Attributes{}, 40*time.Millisecond)
	all, _ := s.Collect(begin.Add(time.Second))
	p := only(t, all).ExponentialHistogram().DataPoints().At(0)
	assert.EqualValues(t, 1, p.ZeroCount())
	assert.InDelta(t, 953e-9, p.ZeroThreshold(), 1e-12)
	assert.EqualValues(t, 3, p.Count())
	assert.Equal(t, 17, p.Positive().BucketCounts().Len(), "two doublings apart")
}

// FuzzAddIsRecord compares what is added from elsewhere, also in two steps, with what is recorded here.
func FuzzAddIsRecord(f *testing.F) {
	f.Add(int64(5_000_000), int64(2), true)
	f.Fuzz(func(t *testing.T, first, then int64, exponential bool) {
		first, then = max(0, first>>1), max(0, then>>1)
		bounds := RequestBounds()
		if exponential {
			bounds = ExponentialBounds()
		}
		recorded, added := newStore(nil), newStore(nil)
		recorded.Histogram("x", "", bounds).Record(nil, &Attributes{}, time.Duration(then))
		h := added.Histogram("x", "", bounds)
		counts := make([]int64, len(bounds.Limits())+1)
		counts[bounds.bucket(time.Duration(first))]++
		h.Add(nil, &Attributes{}, counts, first)
		clear(counts)
		counts[bounds.bucket(time.Duration(first))]--
		counts[bounds.bucket(time.Duration(then))]++
		h.Add(nil, &Attributes{}, counts, then-first)
		want, _ := recorded.Collect(begin.Add(time.Second))
		got, _ := added.Collect(begin.Add(time.Second))
		assert.Equal(t, want, got)
	})
}

// BenchmarkRecord counts one duration in a series that exists.
func BenchmarkRecord(b *testing.B) {
	s := newStore(nil)
	h, p, a := s.Histogram("x", "", RequestBounds()), nginx(1), text("http.request.method", "GET")
	a.Number("http.response.status_code", 200)
	b.ReportAllocs()
	for b.Loop() {
		h.Record(p, a, time.Millisecond)
	}
}
