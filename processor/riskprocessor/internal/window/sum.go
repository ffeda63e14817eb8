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
	cell.current = bounded(cell.current + amount)
	if cell.events.current != ^uint32(0) {
		cell.events.current++
	}
	sum := cell.sum(m.elapsed)
	if s.sharing != nil {
		sum += t.shared(s, b, key)[0].ofOthers(m) / amountUnits
	}
	return sum, outcome
}

// Sum returns the sum of the window, 0 for an unknown key. It stores nothing.
func (t Sum) Sum(key uint64, m Moment) float64 {
	key = occupied(key)
	if t.unused(key) {
		return 0
	}
	s, b := t.locate(key)
	defer s.mu.Unlock()
	cell := t.find(b, key)
	if cell == nil {
		return 0
	}
	view := *cell
	view.turn(m.step)
	sum := view.sum(m.elapsed)
	if s.sharing != nil {
		sum += t.sharesOf(s, b, key)[0].ofOthers(m) / amountUnits
	}
	return sum
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

func (a *amounts) sum(elapsed float64) float64 { return bounded(a.current + a.previous*(1-elapsed)) }

// bounded keeps a sum of two numbers finite. What is infinite once would be no number at all in a later step.
func bounded(sum float64) float64 { return max(-math.MaxFloat64, min(sum, math.MaxFloat64)) }

func (a *amounts) load(m Moment) uint32 { return a.events.load(m) }

func (a *amounts) first() *uint32 { return a.events.first() }

func (a *amounts) reset() {
	a.current, a.previous = 0, 0
	a.events.reset()
}

func (*amounts) numbers() int { return 1 }

// offer offers whole units; a part of one is left for later. Redis' scripts count exactly up to 2^53.
func (a *amounts) offer(shares []share, m Moment, o *Offer, take func(*Offer) bool) (rest bool) {
	a.turn(m.step)
	o.Number = 0
	current, previous := a.current*amountUnits, a.previous*amountUnits
	if math.Abs(current) >= 1<<53 || math.Abs(previous) >= 1<<53 {
		return true
	}
	return shares[0].offer(amount{int64(current), int64(previous), int64(a.events.current), int64(a.events.previous)}, m, o, take)
}

func (*amounts) merge(h *share, answer *Answer) { h.merge(answer) }

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
