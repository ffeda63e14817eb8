// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"encoding/binary"
	"sync/atomic"
)

// Counter counts events per key over a sliding window or a calendar day.
//
// It keeps two numbers a key: the events of the current step of the window's length and those of the step before. The
// count of the sliding window is the current step plus the share of the previous one that the window still covers,
// as if its events had come evenly:
//
//	     previous           current
//	|--------------------|-------+
//	          [---- window ------]   count = current + previous * (1 - elapsed/window)
//
// It is exact for steady traffic; at worst, for a burst at one end of the previous step, it is off by that burst. The
// count of a calendar day is exact.
type Counter struct {
	*table[steps, *steps]
}

// CounterBytes is the memory of a [Counter] per entity.
const CounterBytes = tableBytes + 16

// steps is the cell of a Counter. Steps are numbered from 1, so that the zero value is expired.
type steps struct {
	step, current, previous uint32
	_                       uint32
}

// NewCounter makes a counter for at least `entities` keys, rounded up to a power of two. The memory is reserved at once.
func NewCounter(entities int, seed uint64) Counter {
	return Counter{newTable[steps, *steps](entities, seed)}
}

// Add counts one event of key and returns the events in the window, this one included. When the update is refused
// that is 1: this event is all that is known.
func (c Counter) Add(key uint64, m Moment) (float64, Outcome) {
	key = occupied(key)
	s, b := c.locate(key)
	cell, outcome := c.acquire(s, b, key, m)
	if cell == nil {
		s.mu.Unlock()
		return 1, outcome
	}
	cell.turn(m.step)
	if cell.current != ^uint32(0) {
		cell.current++
	}
	n := cell.count(m.elapsed)
	if s.sharing != nil {
		n += c.shared(s, b, key)[0].ofOthers(m)
	}
	s.mu.Unlock()
	return n, outcome
}

// Count returns the events of key in the window, 0 for an unknown one. It stores nothing.
func (c Counter) Count(key uint64, m Moment) float64 {
	key = occupied(key)
	if c.unused(key) {
		return 0
	}
	s, b := c.locate(key)
	defer s.mu.Unlock()
	cell := c.find(b, key)
	if cell == nil {
		return 0
	}
	view := *cell // turning the cell itself would make a read a write
	view.turn(m.step)
	n := view.count(m.elapsed)
	if s.sharing != nil {
		n += c.sharesOf(s, b, key)[0].ofOthers(m)
	}
	return n
}

// turn moves the cell on to step. A step that is already past (two goroutines read the clock and then changed places)
// is counted as the current one.
func (s *steps) turn(step uint32) {
	if s.step == step {
		return
	}
	switch ahead := int32(step - s.step); {
	case ahead < 0:
		return
	case ahead == 1:
		s.previous, s.current = s.current, 0
	default:
		s.previous, s.current = 0, 0
	}
	atomic.StoreUint32(&s.step, step)
}

func (s *steps) count(elapsed float64) float64 {
	return float64(s.current) + float64(s.previous)*(1-elapsed)
}

func (s *steps) load(m Moment) uint32 {
	view := *s
	view.turn(m.step)
	previous := view.previous
	if m.elapsed == 1 { // a calendar day has no part in the day before
		previous = 0
	}
	if sum := view.current + previous; sum >= view.current {
		return sum
	}
	return ^uint32(0)
}

func (s *steps) first() *uint32 { return &s.step }

func (s *steps) reset() {
	atomic.StoreUint32(&s.step, 0)
	s.current, s.previous = 0, 0
}

func (*steps) numbers() int { return 1 }

func (s *steps) offer(shares []share, m Moment, o *Offer, take func(*Offer) bool) (rest bool) {
	s.turn(m.step)
	o.Number = 0
	return shares[0].offer(s.amount(), m, o, take)
}

func (s *steps) amount() amount {
	return amount{int64(s.current), int64(s.previous), int64(s.current), int64(s.previous)}
}

func (*steps) merge(h *share, a *Answer) { h.merge(a) }

func (s *steps) append(to []byte) []byte {
	to = binary.LittleEndian.AppendUint32(to, s.step)
	to = binary.LittleEndian.AppendUint32(to, s.current)
	return binary.LittleEndian.AppendUint32(to, s.previous)
}

func (s *steps) read(from []byte) error {
	r := reader(from)
	atomic.StoreUint32(&s.step, r.uint32())
	s.current, s.previous = r.uint32(), r.uint32()
	return nil
}
