// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"encoding/binary"
	"math"
)

// Sum adds up amounts per key, in steps as a [Counter] counts events. Amounts may be negative; those that are not finite
// must be left out by the caller.
type Sum struct {
	*table[amounts, *amounts]
}

// SumBytes is the memory of a [Sum] per entity.
const SumBytes = tableBytes + 32

// amounts is the cell of a Sum.
type amounts struct {
	current, previous float64
	events            steps // how often, which is what the cell is worth to others who want it
}

// NewSum makes a sum for at least `entities` keys, rounded up to a power of two. The memory is reserved at once.
func NewSum(entities int, seed uint64) Sum { return Sum{newTable[amounts, *amounts](entities, seed)} }

// Add adds an amount and returns the sum of the window, this amount included. When the update is refused that is the
// amount itself: it is all that is known.
func (t Sum) Add(key uint64, amount float64, m Moment) (float64, Outcome) {
	key = occupied(key)
	s, b := t.locate(key)
	defer s.mu.Unlock()
	cell, outcome := t.acquire(s, b, key, m)
	if cell == nil {
		return amount, outcome
	}
	cell.turn(m.step)
	cell.current += amount
	if cell.events.current != ^uint32(0) {
		cell.events.current++
	}
	return cell.sum(m.elapsed), outcome
}

// Sum returns the sum of the window, 0 for an unknown key. It stores nothing.
func (t Sum) Sum(key uint64, m Moment) float64 {
	key = occupied(key)
	s, b := t.locate(key)
	defer s.mu.Unlock()
	cell := t.find(b, key)
	if cell == nil {
		return 0
	}
	view := *cell
	view.turn(m.step)
	return view.sum(m.elapsed)
}

func (a *amounts) turn(step uint32) {
	switch ahead := int32(step - a.events.step); {
	case ahead <= 0:
	case ahead == 1:
		a.previous, a.current = a.current, 0
	default:
		a.previous, a.current = 0, 0
	}
	a.events.turn(step)
}

func (a *amounts) sum(elapsed float64) float64 { return a.current + a.previous*(1-elapsed) }

func (a *amounts) load(m Moment) uint32 { return a.events.load(m) }

func (a *amounts) first() *uint32 { return a.events.first() }

func (a *amounts) reset() {
	a.current, a.previous = 0, 0
	a.events.reset()
}

func (a *amounts) append(to []byte) []byte {
	to = binary.LittleEndian.AppendUint64(to, math.Float64bits(a.current))
	to = binary.LittleEndian.AppendUint64(to, math.Float64bits(a.previous))
	return a.events.append(to)
}

func (a *amounts) read(from []byte) error {
	r := reader(from)
	a.current, a.previous = math.Float64frombits(r.uint64()), math.Float64frombits(r.uint64())
	if !finite(a.current) || !finite(a.previous) {
		return errNotFinite
	}
	return a.events.read(r)
}
