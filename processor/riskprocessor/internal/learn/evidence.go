// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import "math"

// channel is a kind of evidence.
type channel uint8

const (
	latency channel = iota
	structure
	failure
	channels
)

const (
	// warm is the number of spans of an operation below which it says nothing about the next one.
	warm = 20
	// slowShare is the part of the significance that is given to what is slower than usual, the rest to what is faster:
	// most faults slow down, and some cut short.
	slowShare = 0.8
	// logitSpread is the standard deviation of the logit of a uniform number, pi / sqrt(3).
	logitSpread = 1.813799
	// prior is the probability that an operation is at fault in a channel, before anything is known of the trace.
	prior = 1e-4
	// kappa calibrates a tail probability p into evidence: kappa * p^(kappa-1) is, for every kappa between 0 and 1, a
	// factor whose mean is at most 1 as long as nothing is wrong (an e-value; Vovk and Wang, "E-values: calibration,
	// combination and applications", 2021). 0.3 is near the best for p between 0.01 and 1e-8, and not far from it
	// elsewhere.
	kappa = 0.3
)

var lnSlow, lnFast = float32(math.Log(slowShare)), float32(math.Log(1 - slowShare))

// group is what the spans of one operation say about a trace.
type group struct {
	operation uint64
	mixed     uint32 // hash of the operation in sets
	found     uint32 // number of the walk that found it last, see tree.childSet
	spans     int32
	unseen    int32             // spans that were not observed yet
	own       [channels]float32 // of the oddest span, -ln p
	level     [channels]float32 // of the operation's last minute, -ln p
}

// odds returns the posterior odds that the operation is at fault, above those without any evidence: what is unknown adds
// nothing.
func (g *group) odds(c channel) float64 {
	e := float64(g.level[c])
	if g.own[c] > 0 {
		e += sidak(float64(g.own[c]), int(g.spans))
	}
	if e <= 0 {
		return 0
	}
	return prior * kappa * math.Expm1((1-kappa)*e)
}

// takeLevel notes the evidence of the operation's last minute.
func (g *group) takeLevel(l *levels) {
	g.level[latency] = float32(min(levelMost, lnTail(math.Abs(l.deviation(latency)))))
	g.level[structure] = float32(min(levelMost, lnTail(l.deviation(structure))))
	g.level[failure] = float32(min(levelMost, lnTail(l.deviation(failure))))
}

// twoSided combines the logarithms of both tail probabilities into one -ln p.
func twoSided(longer, shorter float32) float32 { return max(lnSlow-longer, lnFast-shorter) }

// sidak turns -ln of the probability of the oddest of n spans into that of finding one as odd among n.
func sidak(e float64, n int) float64 {
	if n <= 1 || e <= 0 {
		return max(e, 0)
	}
	most := e - math.Log(float64(n)) // Bonferroni: the same where it matters, and much cheaper
	if most > 3 {
		return most
	}
	return max(0, -math.Log(-math.Expm1(float64(n)*math.Log1p(-math.Exp(-e)))))
}

// lnTail approximates, to 0.06, -ln of twice the upper tail of the normal distribution: 0 at the mean and below, where
// there is no evidence.
func lnTail(z float64) float64 {
	if z <= 0 {
		return 0
	}
	return z*z/2 + math.Log(math.Sqrt(2*math.Pi)/4*(z+math.Sqrt(z*z+8/math.Pi)))
}
