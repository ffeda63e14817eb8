// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

import "time"

// Distinct counts the different elements seen with a key over a sliding window.
//
// Up to [ExactElements] live elements the count is exact: each is kept as a 32-bit fingerprint with the time it was
// last seen. Beyond that the cell keeps those with the smallest fingerprints and remembers the smallest one that it had
// to give up, theta. Every element of the window below theta is still there, and fingerprints are evenly spread, so
//
//	count = (live elements below theta) * 2^32 / theta
//
// (a theta sketch, Dasgupta, Lang, Rhodes and Thaler 2016, here with elements that expire). The standard error is
// 1/sqrt(ExactElements), 19 %. Theta is kept for the current and the previous step of the window's length: an element
// given up before that is out of the window, too.
type Distinct struct {
	unit  time.Duration
	table *table[sketch, *sketch]
}

const (
	// ExactElements is the number of elements up to which a count is exact.
	ExactElements = 29
	// DistinctCellBytes is the memory of a [Distinct] per entity.
	DistinctCellBytes = 252
	// resolution is the number of ticks of a window: elements expire with that precision.
	resolution = 32
)

// sketch is the cell of a Distinct. Ticks are numbered from 1; seen 0 marks an unused place.
type sketch struct {
	step                       uint32 // number of the step that theta is of
	theta                      uint32 // smallest fingerprint given up in this step, 0 if none
	thetaBefore                uint32 // the same of the step before
	fingerprints, seenAtOrZero [ExactElements]uint32
}

// NewDistinct makes a counter for at least `entities` keys, rounded up to a power of two. The memory is reserved at once.
func NewDistinct(entities int, window time.Duration, seed uint64) *Distinct {
	return &Distinct{unit: window / resolution, table: newTable[sketch, *sketch](entities, seed)}
}

// Add adds the element with the given hash to key and returns the number of different elements in the window, this
// one included. When the update is refused that is 1: this element is all that is known.
func (d *Distinct) Add(key, element uint64, now time.Duration) (float64, Outcome) {
	key = occupied(key)
	tick := d.tick(now)
	s, b := d.table.locate(key)
	defer s.mu.Unlock()
	cell, outcome := d.table.acquire(s, b, key, tick)
	if cell == nil {
		return 1, outcome
	}
	cell.turn(tick)
	cell.add(uint32(element>>32), tick)
	return cell.count(tick), outcome
}

// Count returns the number of different elements of key in the window, 0 for an unknown one. It stores nothing.
func (d *Distinct) Count(key uint64, now time.Duration) float64 {
	key = occupied(key)
	tick := d.tick(now)
	s, b := d.table.locate(key)
	defer s.mu.Unlock()
	cell := d.table.find(b, key)
	if cell == nil {
		return 0
	}
	return cell.count(tick)
}

// Capacity is the number of keys that fit.
func (d *Distinct) Capacity() int { return d.table.capacity() }

func (d *Distinct) tick(now time.Duration) uint32 { return uint32(now/d.unit) + 1 }

// turn moves theta on to the step of tick.
func (s *sketch) turn(tick uint32) {
	step := tick / resolution
	switch ahead := int32(step - s.step); {
	case ahead <= 0:
	case ahead == 1:
		s.step, s.thetaBefore, s.theta = step, s.theta, 0
	default:
		s.step, s.thetaBefore, s.theta = step, 0, 0
	}
}

func (s *sketch) add(fingerprint, tick uint32) {
	free, largest := -1, -1
	for i, f := range s.fingerprints {
		switch {
		case !s.live(i, tick):
			free = i
		case f == fingerprint:
			s.seenAtOrZero[i] = tick
			return
		case largest < 0 || f > s.fingerprints[largest]:
			largest = i
		}
	}
	if free < 0 {
		if fingerprint > s.fingerprints[largest] {
			s.giveUp(fingerprint)
			return
		}
		s.giveUp(s.fingerprints[largest])
		free = largest
	}
	s.fingerprints[free], s.seenAtOrZero[free] = fingerprint, tick
}

func (s *sketch) giveUp(fingerprint uint32) {
	if s.theta == 0 || fingerprint < s.theta {
		s.theta = max(fingerprint, 1)
	}
}

func (s *sketch) count(tick uint32) float64 {
	theta := s.effectiveTheta(tick)
	live, below := 0, 0
	for i, f := range s.fingerprints {
		if s.live(i, tick) {
			live++
			if f < theta {
				below++
			}
		}
	}
	if theta == 0 {
		return float64(live)
	}
	return max(float64(live), float64(below)*(1<<32)/float64(theta))
}

// effectiveTheta is the smallest fingerprint given up since the step before tick's, 0 if none. It does not change the
// cell, so that counting does not need turn.
func (s *sketch) effectiveTheta(tick uint32) uint32 {
	switch ahead := int32(tick/resolution - s.step); {
	case ahead > 1:
		return 0
	case ahead == 1:
		return s.theta
	case s.theta == 0 || s.thetaBefore != 0 && s.thetaBefore < s.theta:
		return s.thetaBefore
	default:
		return s.theta
	}
}

func (s *sketch) live(i int, tick uint32) bool {
	seen := s.seenAtOrZero[i]
	return seen != 0 && int32(tick-seen) < resolution
}

func (s *sketch) load(tick uint32) uint32 {
	var n uint32
	for i := range s.seenAtOrZero {
		if s.live(i, tick) {
			n++
		}
	}
	return n
}
