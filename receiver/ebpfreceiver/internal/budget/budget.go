// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package budget decides how much is left out, so that what is measured stays within its share of the host.
//
//	share of the processors --Step--> threshold of consistent sampling
//
// The cost of watching has a part that thinning cannot change, the look at every packet, and one that is proportional to
// how many exchanges are told. With cost = fixed + told * each, multiplying the probability by limit/cost settles where
// the cost is the limit, however large the parts are; if the fixed part alone is more, it settles at [MinProbability].
//
// A [Controller] is used by one goroutine.
package budget

import "math"

// MinProbability is told whatever it costs: below, what is left is too little to say anything.
const MinProbability = 1.0 / 1024

const (
	// memory is the weight of what was measured before, against noise.
	memory = 0.5
	// fall and rise bound a step, because one measurement can be far off. Falling is the faster one: it protects others.
	fall, rise = 0.25, 1.25
)

// Controller holds a cost to a limit.
type Controller struct {
	limit       float64
	share       float64
	probability float64
	measured    bool
}

// New returns a controller for a share of the host's processors between 0 and 1; it begins with everything.
func New(limit float64) *Controller { return &Controller{limit: limit, probability: 1} }

// Step takes the share that was used since the last step and returns the probability for the next.
func (c *Controller) Step(share float64) float64 {
	if !c.measured {
		c.share, c.measured = share, true
	}
	c.share += (1 - memory) * (share - c.share)
	factor := rise
	if c.share > 0 {
		factor = min(rise, max(fall, c.limit/c.share))
	}
	c.probability = min(1, max(MinProbability, c.probability*factor))
	return c.probability
}

// Share is the smoothed share of the processors.
func (c *Controller) Share() float64 { return c.share }

// precision is the bits of a threshold that are used: 6 hexadecimal digits, so that it is short in every tracestate.
const precision = 24

// Threshold returns the threshold, of 2^56 random values, that keeps this share of them.
func Threshold(probability float64) uint64 {
	steps := math.Round((1 - probability) * (1 << precision))
	return uint64(max(0, min(steps, 1<<precision-1))) << (56 - precision)
}
