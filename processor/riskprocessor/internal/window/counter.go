// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

import "time"

// Counter counts events per key over a sliding window.
//
// It keeps two numbers a key: the events of the current step of the window's length and those of the step before. The
// count of the sliding window is the current step plus the share of the previous one that the window still covers,
// as if its events had come evenly:
//
//	     previous           current
//	|--------------------|-------+
//	          [---- window ------]   count = current + previous * (1 - elapsed/window)
//
// It is exact for steady traffic; at worst, for a burst at one end of the previous step, it is off by that burst.
type Counter struct {
	window time.Duration
	table  *table[steps, *steps]
}

// CounterCellBytes is the memory of a [Counter] per entity.
const CounterCellBytes = 20

// steps is the cell of a Counter. Steps are numbered from 1, so that the zero value is expired.
type steps struct {
	step, current, previous uint32
}

// NewCounter makes a counter for at least `entities` keys, rounded up to a power of two. The memory is reserved at once.
func NewCounter(entities int, window time.Duration, seed uint64) *Counter {
	return &Counter{window: window, table: newTable[steps, *steps](entities, seed)}
}

// Add counts one event of key and returns the events in the window, this one included. When the update is refused
// that is 1: this event is all that is known.
func (c *Counter) Add(key uint64, now time.Duration) (float64, Outcome) {
	key = occupied(key)
	step, elapsed := c.split(now)
	s, b := c.table.locate(key)
	defer s.mu.Unlock()
	cell, outcome := c.table.acquire(s, b, key, step)
	if cell == nil {
		return 1, outcome
	}
	cell.turn(step)
	if cell.current != ^uint32(0) {
		cell.current++
	}
	return cell.count(elapsed), outcome
}

// Count returns the events of key in the window, 0 for an unknown one. It stores nothing.
func (c *Counter) Count(key uint64, now time.Duration) float64 {
	key = occupied(key)
	step, elapsed := c.split(now)
	s, b := c.table.locate(key)
	defer s.mu.Unlock()
	cell := c.table.find(b, key)
	if cell == nil {
		return 0
	}
	view := *cell // turning the cell itself would make a read a write
	view.turn(step)
	return view.count(elapsed)
}

// Capacity is the number of keys that fit.
func (c *Counter) Capacity() int { return c.table.capacity() }

// split returns the number of the step that now is in, and the share of it that has passed.
func (c *Counter) split(now time.Duration) (step uint32, elapsed float64) {
	n := now / c.window
	return uint32(n) + 1, float64(now-n*c.window) / float64(c.window)
}

// turn moves the cell on to step. A step that is already past (two goroutines read the clock and then changed places)
// is counted as the current one.
func (s *steps) turn(step uint32) {
	switch ahead := int32(step - s.step); {
	case ahead <= 0:
	case ahead == 1:
		s.step, s.previous, s.current = step, s.current, 0
	default:
		s.step, s.previous, s.current = step, 0, 0
	}
}

func (s *steps) count(elapsed float64) float64 {
	return float64(s.current) + float64(s.previous)*(1-elapsed)
}

func (s *steps) load(step uint32) uint32 {
	view := *s
	view.turn(step)
	if sum := view.current + view.previous; sum >= view.current {
		return sum
	}
	return ^uint32(0)
}
