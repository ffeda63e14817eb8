// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"math"
	"math/bits"
)

const (
	// Eight buckets an octave, from 256 ns to 18 minutes: a bucket is 9 to 12 % wide, finer than any latency is stable.
	bucketBits = 3
	firstBit   = 8
	tailSize   = 256
	blockBits  = 4

	// tailHalving is how many spans a distribution remembers at full weight. Counts are halved there: a change of an
	// operation's speed is half learned after as many calls.
	tailHalving = 20000
	// tailShare is the share of spans at each end from which the Pareto tail is fitted, and tailFewest how many it needs.
	tailShare, tailFewest = 0.03, 4
	// tailRefit is the number of spans after which a tail is fitted again.
	tailRefit = 64
	// flattest keeps a tail from being fitted so steep that a value a little beyond everything seen is a wonder: a
	// factor of 1.4 beyond the edge, four buckets, is e times less probable at most.
	flattest = 4
)

// tail is the distribution of a duration: a histogram over its logarithm that forgets, with a Pareto tail (Hill's
// estimator) at either end. The tails rank values beyond everything seen so far, which a histogram alone cannot.
type tail struct {
	counts       [tailSize]float32
	blocks       [tailSize >> blockBits]float32 // sums of counts: ranks look at 32 numbers at most
	total        float32
	sinceFit     uint16
	upper, lower edge
}

// edge is where a fitted tail begins, how much lies beyond and how far on the average, in buckets.
type edge struct {
	bucket     int16
	mass, mean float32
}

// bucketOf returns the place of a duration in nanoseconds as a bucket and the part of it that lies below.
func bucketOf(ns int64) (bucket int, part float32) {
	if ns < 1<<firstBit {
		return 0, 0
	}
	octave := bits.Len64(uint64(ns)) - 1
	shift := octave - bucketBits
	bucket = (octave-firstBit)<<bucketBits | int(ns>>shift)&(1<<bucketBits-1)
	if bucket >= tailSize {
		return tailSize - 1, 1
	}
	return bucket, float32(ns&(1<<shift-1)) / float32(int64(1)<<shift)
}

// add learns a duration.
func (t *tail) add(ns int64) {
	b, _ := bucketOf(ns)
	t.counts[b]++
	t.blocks[b>>blockBits]++
	t.total++
	t.sinceFit++
	if t.total > tailHalving {
		t.halve()
	}
	if t.sinceFit >= tailRefit || t.total < 4*tailRefit {
		t.fit()
	}
}

func (t *tail) halve() {
	t.total = 0
	for b := range t.blocks {
		t.blocks[b] = 0
	}
	for b := range t.counts {
		t.counts[b] /= 2
		t.blocks[b>>blockBits] += t.counts[b]
		t.total += t.counts[b]
	}
}

// fit finds both edges: from the end inwards until the tail holds its share. The mean excess over the edge, in a
// histogram of logarithms, is Hill's estimate of the tail's index.
func (t *tail) fit() {
	t.sinceFit = 0
	share := max(tailShare*t.total, tailFewest)
	var mass, excess float32
	b := tailSize - 1
	for ; b > 0 && mass+t.counts[b] < share; b-- {
		mass += t.counts[b]
		excess += mass
	}
	t.upper = newEdge(b, mass, excess)
	mass, excess = 0, 0
	for b = 0; b < tailSize-1 && mass+t.counts[b] < share; b++ {
		mass += t.counts[b]
		excess += mass
	}
	t.lower = newEdge(b, mass, excess)
}

func newEdge(bucket int, mass, excess float32) edge {
	e := edge{bucket: int16(bucket), mass: mass, mean: flattest}
	if mass > 0 {
		e.mean = max(excess/mass, flattest)
	}
	return e
}

// around returns the natural logarithms of the probabilities that a duration is longer, and that it is shorter. Both are
// those of one half while too little is known.
func (t *tail) around(ns int64) (longer, shorter float32) {
	if t.total < warm {
		return -math.Ln2, -math.Ln2
	}
	b, part := bucketOf(ns)
	switch {
	case b > int(t.upper.bucket):
		longer = t.upper.log(t.total, float32(b)+part-float32(t.upper.bucket+1))
		return longer, log1mexp(longer)
	case b < int(t.lower.bucket):
		shorter = t.lower.log(t.total, float32(t.lower.bucket)-float32(b)-part)
		return log1mexp(shorter), shorter
	}
	beyond := (1 - part) * t.counts[b]
	for i := b + 1; i&(1<<blockBits-1) != 0; i++ {
		beyond += t.counts[i]
	}
	for i := b>>blockBits + 1; i < len(t.blocks); i++ {
		beyond += t.blocks[i]
	}
	p := min((beyond+0.5)/(t.total+1), 0.999999) // sums of halves may round up
	return ln(p), ln(1 - p)
}

// log is the logarithm of the probability of lying at least so many buckets beyond the edge.
func (e *edge) log(total, distance float32) float32 {
	return ln((e.mass+0.5)/(total+1)) - distance/e.mean
}

// log1mexp returns the logarithm of 1-exp(x) for a negative x.
func log1mexp(x float32) float32 {
	return float32(math.Log1p(-math.Exp(float64(x))))
}
