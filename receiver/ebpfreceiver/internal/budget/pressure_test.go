// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// quiet steps until k changes, and returns how many steps that took.
func quiet(p *Pressure, least int) (steps, rest int) {
	before := p.chosen
	for rest = before; rest == before && steps < 10000; steps++ {
		rest = p.Step(Filled{Rest: before}, least)
	}
	return steps, rest
}

func TestWhatTheProgramsMadeRestRestsForAWhile(t *testing.T) {
	var p Pressure
	assert.Zero(t, p.Step(Filled{}, 0))
	assert.Equal(t, 3, p.Step(Filled{Rest: 3}, 0))
	for want := 2; want >= 0; want-- {
		steps, rest := quiet(&p, 0)
		assert.Equal(t, calm, steps)
		assert.Equal(t, want, rest)
	}
	for range 100 {
		assert.Zero(t, p.Step(Filled{}, 0))
	}
}

func TestTakingBackTooSoonIsTriedLessAndLessOften(t *testing.T) {
	var p Pressure
	p.Step(Filled{Rest: 1}, 0)
	last := 0
	for range 20 { // one connection of two is all that the reader can take
		steps, rest := quiet(&p, 0)
		assert.Zero(t, rest)
		assert.GreaterOrEqual(t, steps, min(maxCalm, 2*last))
		last = steps
		assert.Equal(t, 1, p.Step(Filled{Rest: 1}, 0))
	}
	assert.Equal(t, maxCalm, last)
	for range 5 * maxCalm {
		p.Step(Filled{Rest: p.chosen}, 0)
	}
	p.Step(Filled{Rest: 1}, 0)
	steps, _ := quiet(&p, 0)
	assert.Equal(t, calm, steps, "what was long ago does not matter")
}

func TestNothingIsTakenBackWhileTheRingIsFull(t *testing.T) {
	var p Pressure
	p.Step(Filled{Rest: 2, Still: true}, 0)
	for range 10 * calm {
		assert.Equal(t, 2, p.Step(Filled{Rest: 2, Still: true}, 0))
	}
	steps, _ := quiet(&p, 0)
	assert.Equal(t, calm, steps)
}

func TestTheBudgetMayAskForMore(t *testing.T) {
	var p Pressure
	assert.Equal(t, 4, p.Step(Filled{}, 4))
	assert.Equal(t, 5, p.Step(Filled{Rest: 5}, 4))
	assert.Equal(t, 7, p.Step(Filled{Rest: 5}, 7))
	assert.Equal(t, MaxRest, p.Step(Filled{Rest: 15}, 0))
	var q Pressure
	q.Step(Filled{}, 4)
	assert.Equal(t, 3, q.Step(Filled{Rest: 4}, 3), "what the budget takes back is not held")
}
