// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package score

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
)

func fired(places ...int) *rule.Hits {
	var h rule.Hits
	for _, p := range places {
		h.Add(p)
	}
	return &h
}

func TestScore(t *testing.T) {
	rules := []Weighted{{0.8, "login"}, {0.5, "login"}, {0.4, "flood"}, {0.1, ""}, {0.1, ""}, {1, "sure"}}
	for name, test := range map[string]struct {
		hits *rule.Hits
		want float64
	}{
		"no rule is no risk":                           {fired(), 0},
		"one rule is its weight":                       {fired(0), 0.8},
		"of a group the highest weight counts":         {fired(0, 1), 0.8},
		"groups combine by noisy-or":                   {fired(0, 2), 1 - 0.2*0.6},
		"a rule without a group is a group of its own": {fired(3, 4), 1 - 0.9*0.9},
		"everything together, the sure rule aside":     {fired(0, 1, 2, 3, 4), 1 - 0.2*0.6*0.9*0.9},
		"a rule of weight 1 makes certain":             {fired(2, 5), 1},
	} {
		t.Run(name, func(t *testing.T) {
			assert.InDelta(t, test.want, New(rules).Score(test.hits), 1e-12)
		})
	}
}

// TestScoreProperties checks the promises of the package comment on random rules and random hits.
func TestScoreProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	for range 2000 {
		rules := make([]Weighted, 1+random.IntN(40))
		for i := range rules {
			rules[i] = Weighted{Weight: random.Float64(), Group: strconv.Itoa(random.IntN(10))}
			if random.IntN(4) == 0 {
				rules[i].Group = ""
			}
		}
		s := New(rules)
		var hits rule.Hits
		before, highest := 0.0, 0.0
		for _, place := range random.Perm(len(rules)) {
			hits.Add(place)
			after := s.Score(&hits)
			highest = max(highest, rules[place].Weight)
			require.GreaterOrEqual(t, after, before, "another rule never lowers the score")
			require.GreaterOrEqual(t, after, highest-1e-12, "the score is at least the highest weight")
			require.LessOrEqual(t, after, 1.0)
			before = after
		}
		require.InDelta(t, reference(rules, &hits), before, 1e-12)
	}
}

func TestScoreOfOneRuleIsExactlyItsWeight(t *testing.T) {
	for i := 1; i <= 100; i++ {
		weight := float64(i) / 100
		score := New([]Weighted{{0.5, "other"}, {weight, ""}}).Score(fired(1))
		assert.InDelta(t, weight, score, 0, "a threshold of the same value must be met")
	}
}

// TestScoreDoesNotDependOnTheOrder permutes the rules.
func TestScoreDoesNotDependOnTheOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 14))
	rules := []Weighted{{0.3, "a"}, {0.6, "b"}, {0.2, "a"}, {0.7, ""}, {0.1, ""}, {0.5, "c"}}
	want := New(rules).Score(fired(0, 1, 2, 3, 4, 5))
	for range 100 {
		random.Shuffle(len(rules), func(i, j int) { rules[i], rules[j] = rules[j], rules[i] })
		assert.InDelta(t, want, New(rules).Score(fired(0, 1, 2, 3, 4, 5)), 1e-12)
	}
}

// reference is the formula written down in the plainest way.
func reference(rules []Weighted, hits *rule.Hits) float64 {
	groups := map[string]float64{}
	for i, r := range rules {
		group := r.Group
		if group == "" {
			group = "alone " + strconv.Itoa(i)
		}
		if hits.Has(i) {
			groups[group] = max(groups[group], r.Weight)
		}
	}
	innocent := 1.0
	for _, m := range groups {
		innocent *= 1 - m
	}
	return 1 - innocent
}

func TestScoreOfTheLastPossibleRule(t *testing.T) {
	rules := make([]Weighted, rule.MaxRules)
	rules[rule.MaxRules-1].Weight = 0.5
	assert.InDelta(t, 0.5, New(rules).Score(fired(rule.MaxRules-1)), 1e-12)
}

func BenchmarkScore(b *testing.B) {
	rules := make([]Weighted, 10)
	for i := range rules {
		rules[i] = Weighted{Weight: 0.1, Group: strconv.Itoa(i % 4)}
	}
	s := New(rules)
	for name, hits := range map[string]*rule.Hits{"no rule": fired(), "4 of 10 rules": fired(0, 3, 4, 9)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Score(hits)
			}
		})
	}
}
