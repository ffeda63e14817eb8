// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"math"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Bounds are the buckets of a histogram of durations. They do not change, and may be used by any number of histograms.
type Bounds struct {
	// limits are the buckets' upper bounds, which belong to them, in ns and ascending. One more bucket holds what is
	// above the last.
	limits []uint64
	// exponential says that limit i is that of the bucket first+i of an exponential histogram of that scale. The
	// bucket of the lowest limit is then the zero bucket.
	exponential  bool
	scale, first int32
}

// RequestBounds are the limits that semantic conventions advise for durations of requests and calls.
func RequestBounds() *Bounds {
	const ms = time.Millisecond
	return ExplicitBounds(5*ms, 10*ms, 25*ms, 50*ms, 75*ms, 100*ms, 250*ms, 500*ms, 750*ms, 1000*ms, 2500*ms, 5000*ms,
		7500*ms, 10000*ms)
}

// ExplicitBounds returns buckets with the given upper bounds, which must ascend.
func ExplicitBounds(limits ...time.Duration) *Bounds {
	b := &Bounds{limits: make([]uint64, len(limits))}
	for i, limit := range limits {
		b.limits[i] = uint64(limit)
	}
	return b
}

// The range of exponential buckets: 2^-20 s is a little less than a microsecond, 2^11 s more than half an hour. Eight
// buckets for each doubling (scale 3) tell durations apart that differ by 9 %. Longer ones are in the last bucket.
const (
	exponentialScale = 3
	lowestExponent   = -20
	highestExponent  = 11
)

// ExponentialBounds returns the buckets of a base-2 exponential histogram. The range is fixed, because the kernel uses
// the buckets, too.
func ExponentialBounds() *Bounds {
	const perDoubling = 1 << exponentialScale
	b := &Bounds{exponential: true, scale: exponentialScale, first: lowestExponent*perDoubling - 1}
	for i := lowestExponent * perDoubling; i < highestExponent*perDoubling; i++ {
		b.limits = append(b.limits, uint64(math.Exp2(float64(i)/perDoubling)*1e9))
	}
	return b
}

// Limits returns the upper bounds in ns, ascending. The caller must not change them.
func (b *Bounds) Limits() []uint64 { return b.limits }

// bucket returns the place of the bucket for a duration.
func (b *Bounds) bucket(d time.Duration) int {
	place, _ := slices.BinarySearch(b.limits, uint64(max(0, d)))
	return place
}

// newMetric makes m a histogram of these buckets.
func (b *Bounds) newMetric(m pmetric.Metric) {
	if b.exponential {
		m.SetEmptyExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		return
	}
	m.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
}

// explicit writes the counts to p.
func (b *Bounds) explicit(p pmetric.HistogramDataPoint, counts []int64, sum int64) {
	bounds, buckets := p.ExplicitBounds(), p.BucketCounts()
	bounds.EnsureCapacity(len(b.limits))
	for _, limit := range b.limits {
		bounds.Append(seconds(int64(limit)))
	}
	buckets.EnsureCapacity(len(counts))
	total := uint64(0)
	for _, n := range counts {
		buckets.Append(unsigned(n))
		total += unsigned(n)
	}
	p.SetCount(total)
	p.SetSum(seconds(sum))
}

// exponentially writes the counts to p, from the first bucket that has any to the last.
func (b *Bounds) exponentially(p pmetric.ExponentialHistogramDataPoint, counts []int64, sum int64) {
	p.SetScale(b.scale)
	p.SetSum(seconds(sum))
	p.SetZeroThreshold(seconds(int64(b.limits[0])))
	p.SetZeroCount(unsigned(counts[0]))
	total, from, to := unsigned(counts[0]), 0, 0
	for i, n := range counts[1:] {
		if n <= 0 {
			continue
		}
		total += unsigned(n)
		if to == 0 {
			from = i + 1
		}
		to = i + 2
	}
	p.SetCount(total)
	p.Positive().SetOffset(b.first + int32(from))
	for _, n := range counts[from:to] {
		p.Positive().BucketCounts().Append(unsigned(n))
	}
}

// seconds returns a number of ns in the unit of OpenTelemetry's durations.
func seconds(ns int64) float64 { return float64(ns) / 1e9 }

// unsigned returns n. It cannot be negative once all that moved between buckets has arrived.
func unsigned(n int64) uint64 { return uint64(max(0, n)) }
