// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package score combines the rules that fired into one number between 0 and 1.
//
//	score = 1 - product over groups g of (1 - m(g)),   m(g) = the highest weight of g's rules that fired, or 0
//
// Rules of one group look at the same thing, so that they fire together: counting each of them would count the thing
// several times, hence the maximum. Groups are taken as independent signs, each of which can be innocent with
// probability 1-m: noisy-or (Pearl 1988, Probabilistic Reasoning in Intelligent Systems, section 4.3). So
//
//   - the score of a single rule is its weight, and no rule gives 0;
//   - more rules never lower the score, and the order of the rules does not matter;
//   - it is never above 1, and 1 only for a rule of weight 1 or by rounding.
//
// A [Scorer] never changes and may be used by many goroutines at once.
package score

import "github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"

// Weighted is the part of a rule that the score depends on.
type Weighted struct {
	// Weight is in [0, 1].
	Weight float64
	// Group is the name of the rule's group; empty is a group of its own.
	Group string
}

// Scorer computes scores for a fixed list of rules.
type Scorer struct {
	weights []float64
	groups  []int // group of each rule; numbered by first appearance
	count   int   // of groups
}

// New makes a scorer for the rules, whose places are those in rule.Hits.
func New(rules []Weighted) *Scorer {
	s := &Scorer{weights: make([]float64, len(rules)), groups: make([]int, len(rules))}
	named := map[string]int{}
	for i, r := range rules {
		group, known := named[r.Group]
		if r.Group == "" || !known {
			group = s.count
			s.count++
		}
		if r.Group != "" {
			named[r.Group] = group
		}
		s.weights[i], s.groups[i] = r.Weight, group
	}
	return s
}

// Score returns the score of a span for which the given rules fired.
func (s *Scorer) Score(hits *rule.Hits) float64 {
	if hits.Empty() {
		return 0
	}
	var best [rule.MaxRules]float64 // by group; there are at most as many groups as rules
	for i := range hits.All() {
		best[s.groups[i]] = max(best[s.groups[i]], s.weights[i])
	}
	// The product, arranged so that one weight alone gives exactly that weight: it will be compared with thresholds.
	score := 0.0
	for _, weight := range best[:s.count] {
		score += weight * (1 - score)
	}
	return score
}
