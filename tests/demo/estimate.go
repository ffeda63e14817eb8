// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import "math"

// estimate adds up weights, by trace and weight: spans of one trace are kept or dropped together.
type estimate map[cluster]int

// cluster is what has one fate: the spans of a trace with the same weight.
type cluster struct {
	trace  [16]byte
	weight float64
}

func (e estimate) add(trace [16]byte, weight float64) { e[cluster{trace, weight}]++ }

// total returns the Horvitz-Thompson estimate of how many spans there were, and its standard deviation: a cluster of n
// spans that is kept with probability 1/w adds n w to the estimate, and n² w (w-1) to the estimate of its variance.
func (e estimate) total() (sum, deviation float64) {
	variance := 0.0
	for c, n := range e {
		spans := float64(n)
		sum += spans * c.weight
		variance += spans * spans * c.weight * (c.weight - 1)
	}
	return sum, math.Sqrt(variance)
}
