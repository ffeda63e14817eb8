// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host costs fixed and, for all that could be looked at and told, looked and told, while others want all that is left, or half.
type host struct {
	fixed, looked, told float64
	busy                bool
}

// cost is what a choice costs there, without noise.
func (h host) cost(c Choice) float64 {
	return h.fixed + (h.looked+h.told*c.Probability)/math.Exp2(float64(c.Rest))
}

// settled is how a host ends up after many steps.
type settled struct {
	Choice
	cost    float64 // mean of the last ten steps
	changes int     // of what is followed, in the last half
}

// settle runs steps against a host whose measurements are noisy by a fifth. What looking costs is overrated by half.
func (h host) settle(c *Controller, steps int) (s settled) {
	random := rand.New(rand.NewPCG(1, 2))
	s.Choice = c.choice
	for i := range steps {
		cost := h.cost(s.Choice)
		if i >= steps-10 {
			s.cost += cost / 10
		}
		noise := 0.8 + 0.4*random.Float64()
		measured := Measured{Share: cost * noise, Looked: 1.5 * h.looked / math.Exp2(float64(s.Rest)), Busy: 0.5 + cost/2}
		if h.busy {
			measured.Busy = 0.99 + 0.01*random.Float64()
		}
		next := c.Step(measured)
		if next.Rest != s.Rest && i >= steps/2 {
			s.changes++
		}
		s.Choice = next
	}
	return s
}

func thinning() *Controller { return New(Settings{Limit: 0.05, Tells: true}) }
func resting() *Controller  { return New(Settings{Limit: 0.05, Tells: true, Rests: true}) }

func TestTheCostSettlesAtTheLimit(t *testing.T) {
	for name, h := range map[string]host{
		"nothing is fixed":   {told: 0.2},
		"most is fixed":      {fixed: 0.02, looked: 0.02, told: 0.2},
		"a little is fixed":  {looked: 0.01, told: 0.9},
		"just above the bar": {fixed: 0.02, looked: 0.01, told: 0.03},
	} {
		for kind, c := range map[string]*Controller{"thinning": thinning(), "resting": resting()} {
			got := h.settle(c, 60)
			assert.InDelta(t, 0.05, got.cost, 0.01, "%s, %s", name, kind)
			assert.Zero(t, got.Rest, "%s, %s: less is told, and all is looked at", name, kind)
		}
	}
}

func TestWhereAllProcessorsAreBusyHalfOfTheLimitIsUsed(t *testing.T) {
	got := host{told: 0.2, busy: true}.settle(thinning(), 60)
	assert.InDelta(t, 0.025, got.cost, 0.005)
	got = host{fixed: 0.01, looked: 0.1, told: 0.3, busy: true}.settle(resting(), 400)
	assert.LessOrEqual(t, got.cost, 0.0275, "%+v", got)
	assert.LessOrEqual(t, got.changes, 2, "%+v", got)
	got = host{told: 0.2}.settle(thinning(), 60)
	assert.InDelta(t, 0.05, got.cost, 0.01, "half of them are busy")
}

// TestWhatIsFreedDoesNotBringItBack has hosts that are all busy only as long as all is looked at.
func TestWhatIsFreedDoesNotBringItBack(t *testing.T) {
	for _, limit := range []float64{0.05, 0.2, 0.5} {
		for _, others := range []float64{0.8, 0.85, 0.9, 0.95} {
			for looked := 0.2 * limit; looked < 3*limit; looked += 0.1 * limit {
				c := New(Settings{Limit: limit, Rests: true})
				choice, changes := Choice{Probability: 1}, 0
				for i := range 2000 {
					cost := looked / math.Exp2(float64(choice.Rest))
					next := c.Step(Measured{Share: cost, Looked: cost, Busy: min(1, others+cost)})
					if next.Rest != choice.Rest && i >= 1000 {
						changes++
					}
					choice = next
				}
				assert.Zero(t, changes, "limit %v, others %v, looked %v: %+v", limit, others, looked, choice)
			}
		}
	}
}

func TestWhatIsCheapIsToldAsAWhole(t *testing.T) {
	got := host{looked: 0.01, told: 0.02}.settle(resting(), 50)
	assert.InDelta(t, 0.03, got.cost, 1e-9)
	assert.Equal(t, Choice{Probability: 1}, got.Choice)
	assert.Zero(t, Threshold(got.Probability))
}

func TestAfterAPeakAllIsToldAgain(t *testing.T) {
	c := thinning()
	assert.Less(t, host{looked: 0.02, told: 0.5}.settle(c, 50).Probability, 0.1)
	assert.Equal(t, Choice{Probability: 1}, host{looked: 0.001, told: 0.01}.settle(c, 30).Choice)
}

func TestSomethingIsToldWhateverItCosts(t *testing.T) {
	got := host{fixed: 0.1, looked: 0.1, told: 0.1}.settle(thinning(), 50)
	assert.Equal(t, Choice{Probability: MinProbability}, got.Choice)
	assert.EqualValues(t, 1<<56-1<<46, Threshold(got.Probability))
}

// TestConnectionsRestWhereLookingIsTooMuch demands that the cost comes below the limit, that no more rest than is needed
// for that and for the noise, and that it stays so.
func TestConnectionsRestWhereLookingIsTooMuch(t *testing.T) {
	for name, h := range map[string]host{
		"somewhat too much":       {looked: 0.06, told: 0.2},
		"much too much":           {fixed: 0.005, looked: 0.3, told: 0.9},
		"most of it cannot rest":  {fixed: 0.035, looked: 0.1, told: 0.3},
		"right at half the limit": {looked: 0.1, told: 0.2},
		"nothing is told":         {fixed: 0.01, looked: 0.12},
	} {
		settings := Settings{Limit: 0.05, Tells: h.told > 0, Rests: true}
		got := h.settle(New(settings), 400)
		assert.LessOrEqual(t, got.cost, 0.0525, "%s: %+v", name, got)
		assert.Positive(t, got.Rest, name)
		fewer := h.cost(Choice{Probability: got.Probability, Rest: max(0, got.Rest-2)})
		assert.Greater(t, fewer, headroom*0.05, "%s: four times as many would fit, too: %+v", name, got)
		assert.LessOrEqual(t, got.changes, 2, "%s: %+v", name, got)
		if settings.Tells {
			assert.InDelta(t, Floor, got.Probability, 1e-9, name)
		}
	}
}

func TestRestComesQuickly(t *testing.T) {
	got := host{looked: 2, told: 6}.settle(resting(), 20)
	assert.Less(t, got.cost, 0.05, "%+v", got)
}

func TestAfterAPeakConnectionsAreWokenFirst(t *testing.T) {
	c := resting()
	assert.Greater(t, host{fixed: 0.01, looked: 1, told: 3}.settle(c, 60).Rest, 3)
	probability, rest := Floor, MaxRest
	quiet := host{fixed: 0.01, looked: 0.001, told: 0.002}
	for range 100 {
		got := quiet.settle(c, 1)
		assert.LessOrEqual(t, got.Rest, rest)
		if got.Rest > 0 {
			assert.InDelta(t, Floor, got.Probability, 1e-9, "all are looked at before more is told")
		}
		assert.GreaterOrEqual(t, got.Probability, probability)
		probability, rest = got.Probability, got.Rest
	}
	assert.Equal(t, Choice{Probability: 1}, c.choice)
}

func TestConnectionsDoNotRestForWhatOthersCost(t *testing.T) {
	got := host{fixed: 0.5, looked: 0.002, told: 0.002}.settle(resting(), 100)
	assert.Equal(t, Choice{Probability: Floor}, got.Choice, "the process is busy with something else")
	assert.Positive(t, host{fixed: 0.5, looked: 0.02, told: 0.02}.settle(resting(), 100).Rest)
}

// TestWakingThatFailsIsTriedLessOften has a host whose looking costs four times what it is taken for.
func TestWakingThatFailsIsTriedLessOften(t *testing.T) {
	c := New(Settings{Limit: 0.05, Rests: true})
	choice, changes := Choice{Probability: 1}, 0
	for i := range 2000 {
		looked := 0.12 / math.Exp2(float64(choice.Rest))
		next := c.Step(Measured{Share: looked, Looked: looked / 4})
		if next.Rest != choice.Rest && i >= 1000 {
			changes++
		}
		choice = next
	}
	assert.LessOrEqual(t, changes, 16, "%+v", choice)
}

func TestAnIdleHostIsNoFault(t *testing.T) {
	assert.Equal(t, Choice{Probability: 1}, resting().Step(Measured{}))
}

func TestAllHaveTheirTurn(t *testing.T) {
	var turns Turns
	for _, rest := range []int{3, 0, 2} {
		for range 5 {
			seen := map[uint32]bool{}
			for range 1 << rest {
				seen[turns.Next(rest)] = true
			}
			assert.Len(t, seen, 1<<rest)
			for group := range seen {
				assert.Less(t, group, uint32(1)<<rest)
			}
		}
	}
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
	c := resting()
	for b.Loop() {
		c.Step(Measured{Share: 0.06, Looked: 0.03})
	}
}
