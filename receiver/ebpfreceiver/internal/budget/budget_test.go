// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host costs fixed and, for all that could be told, variable.
type host struct{ fixed, variable float64 }

// settle runs steps against a host whose measurements are noisy, and returns the mean cost of the last ten.
func (h host) settle(c *Controller, steps int) float64 {
	random := rand.New(rand.NewPCG(1, 2))
	probability, total := 1.0, 0.0
	for i := range steps {
		cost := h.fixed + h.variable*probability
		if i >= steps-10 {
			total += cost
		}
		probability = c.Step(cost * (0.8 + 0.4*random.Float64()))
	}
	return total / 10
}

func TestTheCostSettlesAtTheLimit(t *testing.T) {
	for name, h := range map[string]host{
		"nothing is fixed":   {0, 0.2},
		"most is fixed":      {0.04, 0.2},
		"a little is fixed":  {0.01, 0.9},
		"just above the bar": {0.03, 0.03},
	} {
		assert.InDelta(t, 0.05, h.settle(New(0.05), 60), 0.01, name)
	}
}

func TestWhatIsCheapIsToldAsAWhole(t *testing.T) {
	c := New(0.05)
	assert.InDelta(t, 0.03, host{0.01, 0.02}.settle(c, 50), 1e-9)
	assert.Zero(t, Threshold(c.probability))
}

func TestAfterAPeakAllIsToldAgain(t *testing.T) {
	c := New(0.05)
	host{0.02, 0.5}.settle(c, 50)
	assert.Less(t, c.probability, 0.1)
	host{0.001, 0.01}.settle(c, 30)
	assert.EqualValues(t, 1, c.probability)
}

func TestSomethingIsToldWhateverItCosts(t *testing.T) {
	c := New(0.05)
	host{0.2, 0.1}.settle(c, 50)
	assert.EqualValues(t, MinProbability, c.probability)
	assert.EqualValues(t, 1<<56-1<<46, Threshold(c.probability))
}

func TestAnIdleHostIsNoFault(t *testing.T) {
	assert.EqualValues(t, 1, New(0.05).Step(0))
}

// FuzzThreshold compares a threshold with the share that it keeps.
func FuzzThreshold(f *testing.F) {
	f.Add(0.5)
	f.Fuzz(func(t *testing.T, p float64) {
		if !(p >= MinProbability && p <= 1) {
			t.Skip()
		}
		threshold := Threshold(p)
		assert.Less(t, threshold, uint64(1)<<56)
		assert.InDelta(t, p, 1-float64(threshold)/(1<<56), 1.0/(1<<24))
	})
}

func BenchmarkStep(b *testing.B) {
	c := New(0.05)
	for b.Loop() {
		c.Step(0.06)
	}
}
