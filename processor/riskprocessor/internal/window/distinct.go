// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"encoding/binary"
	"sync/atomic"
)

// Distinct counts the different elements seen with a key over a sliding window or a calendar day.
//
// Up to [ExactElements] live elements the count is exact: each is kept as a 32-bit fingerprint with the time it was
// last seen. Beyond that the cell keeps those with the smallest fingerprints and remembers the smallest one that it had
// to give up, theta. Every element of the window below theta is still there, and fingerprints are evenly spread, so
//
//	count = (live elements below theta) * 2^32 / theta
//
// (a theta sketch, Dasgupta, Lang, Rhodes and Thaler 2016, here with elements that expire). The standard error is
// 1/sqrt(ExactElements), 17 %. Theta is kept for the current and the previous step of the window's length: an element
// given up before that is out of the window, too.
type Distinct struct {
	*table[sketch, *sketch]
}

const (
	// ExactElements is the number of elements up to which a count is exact.
	ExactElements = 34
	// DistinctBytes is the memory of a [Distinct] per entity.
	DistinctBytes = tableBytes + 192
)

// sketch is the cell of a Distinct: three cache lines, of which a key with few elements needs the first.
type sketch struct {
	tick         uint32 // of the last update: what `seen` is relative to
	step         uint32 // number of the step that theta is of
	theta        uint32 // smallest fingerprint given up in this step, 0 if none
	thetaBefore  uint32 // the same of the step before
	events       uint32 // updates lately: what the cell is worth to others who want it
	used         uint8
	seen         [ExactElements + 1]uint8 // ticks before `tick`, with marks; the last one is padding
	fingerprints [ExactElements]uint32
}

// Marks of an element in `seen`, beside its age: the fleet knows it to be of this step, or of the one before.
const (
	toldNow    uint8 = 0x80
	toldBefore uint8 = 0x40
	marks            = toldNow | toldBefore
)

// NewDistinct makes a counter for at least `entities` keys, rounded up to a power of two. The memory is reserved at once.
func NewDistinct(entities int, seed uint64) Distinct {
	return Distinct{newTable[sketch, *sketch](entities, seed)}
}

// Add adds the element with the given hash to key and returns the number of different elements in the window, this
// one included. When the update is refused that is 1: this element is all that is known.
func (d Distinct) Add(key, element uint64, m Moment) (float64, Outcome) {
	key = occupied(key)
	s, b := d.locate(key)
	cell, outcome := d.acquire(s, b, key, m)
	if cell == nil {
		s.mu.Unlock()
		return 1, outcome
	}
	cell.turn(m)
	if cell.events != ^uint32(0) {
		cell.events++
	}
	cell.add(uint32(element >> 32))
	n := cell.count(m)
	if s.sharing != nil {
		n = max(n, d.shared(s, b, key)[0].ofOthers(m))
	}
	s.mu.Unlock()
	return n, outcome
}

// Count returns the number of different elements of key in the window, 0 for an unknown one. It stores nothing.
func (d Distinct) Count(key uint64, m Moment) float64 {
	key = occupied(key)
	if d.unused(key) {
		return 0
	}
	s, b := d.locate(key)
	defer s.mu.Unlock()
	cell := d.find(b, key)
	if cell == nil {
		return 0
	}
	view := *cell
	view.turn(m)
	n := view.count(m)
	if s.sharing != nil {
		n = max(n, d.sharesOf(s, b, key)[0].ofOthers(m))
	}
	return n
}

// Forfeit does nothing: the fleet counts an element once, however often it is told.
func (Distinct) Forfeit(Moment) {}

// turn moves the cell on to m: theta to its step, and elements to its tick, without those that expired.
func (s *sketch) turn(m Moment) {
	if s.step != m.step {
		s.turnStep(m.step)
	}
	ahead := int32(m.tick - s.tick)
	if ahead <= 0 { // late, as steps.turn has it
		return
	}
	atomic.StoreUint32(&s.tick, m.tick)
	if ahead >= m.ticks {
		s.used = 0
		return
	}
	kept := uint8(0)
	for i := range s.used {
		if age := s.age(int(i)) + ahead; age < m.ticks {
			s.seen[kept], s.fingerprints[kept] = uint8(age)|s.seen[i]&marks, s.fingerprints[i]
			kept++
		}
	}
	s.used = kept
}

func (s *sketch) turnStep(step uint32) {
	switch ahead := int32(step - s.step); {
	case ahead < 0:
		return
	case ahead == 1:
		s.thetaBefore, s.theta = s.theta, 0
	default:
		s.thetaBefore, s.theta = 0, 0
	}
	for i, seen := range s.seen[:s.used] {
		before := uint8(0)
		if step-s.step == 1 && seen&toldNow != 0 {
			before = toldBefore
		}
		s.seen[i] = seen&^marks | before
	}
	s.step, s.events = step, s.events/2
}

func (s *sketch) add(fingerprint uint32) {
	for i, f := range s.fingerprints[:s.used] {
		if f == fingerprint {
			s.seen[i] &= marks
			return
		}
	}
	place := int(s.used)
	if place == ExactElements {
		for i, f := range s.fingerprints {
			if place == ExactElements || f > s.fingerprints[place] {
				place = i
			}
		}
		if fingerprint > s.fingerprints[place] {
			s.giveUp(fingerprint)
			return
		}
		s.giveUp(s.fingerprints[place])
	} else {
		s.used++
	}
	s.fingerprints[place], s.seen[place] = fingerprint, 0
}

func (s *sketch) giveUp(fingerprint uint32) {
	if s.theta == 0 || fingerprint < s.theta {
		s.theta = max(fingerprint, 1)
	}
}

func (s *sketch) count(m Moment) float64 {
	theta := s.theta
	if m.ticks > 1 && s.thetaBefore != 0 && (theta == 0 || s.thetaBefore < theta) { // a calendar day has no part in the day before
		theta = s.thetaBefore
	}
	if theta == 0 {
		return float64(s.used)
	}
	below := 0
	for _, f := range s.fingerprints[:s.used] {
		if f < theta {
			below++
		}
	}
	return max(float64(s.used), float64(below)*(1<<32)/float64(theta))
}

func (s *sketch) load(m Moment) uint32 {
	ahead := int32(m.tick - s.tick)
	var n uint32
	for i := range s.used {
		if s.age(int(i))+ahead < m.ticks {
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return max(n, s.events)
}

// age is how many ticks before the last update an element was seen.
func (s *sketch) age(i int) int32 { return int32(s.seen[i] &^ marks) }

func (*sketch) numbers() int { return 1 }

// offer offers the elements that are kept, each as one of the step that it was seen in last: those that came again in this
// step are counted with this step anyway.
func (s *sketch) offer(shares []share, m Moment, o *Offer, take func(*Offer) bool) (rest bool) {
	s.turn(m)
	h := &shares[0]
	h.turn(m.step)
	o.Number = 0
	begun := int32(m.tick - m.step*uint32(m.ticks)) // ticks of this step
	var now, before int64
	for i := range int(s.used) {
		if s.age(i) <= begun {
			now++
		} else {
			before++
		}
	}
	for i := range int(s.used) {
		if s.age(i) > begun && s.seen[i]&toldBefore == 0 {
			o.Step, o.First, o.Value, o.Local = m.step-1, !h.toldBefore, int64(s.fingerprints[i]), before
			rest = !s.offerElement(i, toldBefore, &h.toldBefore, o, take) || rest
		}
	}
	for i := range int(s.used) {
		if s.age(i) <= begun && s.seen[i]&toldNow == 0 {
			o.Step, o.First, o.Value, o.Local = m.step, !h.told, int64(s.fingerprints[i]), now
			rest = !s.offerElement(i, toldNow, &h.told, o, take) || rest
		}
	}
	return rest
}

func (s *sketch) offerElement(i int, mark uint8, told *bool, o *Offer, take func(*Offer) bool) (taken bool) {
	if taken = take(o); taken {
		s.seen[i] |= mark
		*told = true
	}
	return taken
}

// merge keeps the total as it is: what elements it has in common with the cell cannot be told.
func (*sketch) merge(h *share, a *Answer) {
	if a.Step != h.step {
		return // the next total of this step says more
	}
	h.others = a.Total
	if a.Previous >= 0 {
		h.othersBefore = a.Previous
	}
}

func (s *sketch) first() *uint32 { return &s.tick }

func (s *sketch) reset() {
	atomic.StoreUint32(&s.tick, 0)
	s.step, s.theta, s.thetaBefore, s.used, s.events = 0, 0, 0, 0, 0
}

func (s *sketch) append(to []byte) []byte {
	for _, n := range [...]uint32{s.tick, s.step, s.theta, s.thetaBefore, s.events} {
		to = binary.LittleEndian.AppendUint32(to, n)
	}
	to = append(append(to, s.used), s.seen[:ExactElements]...)
	for _, f := range s.fingerprints {
		to = binary.LittleEndian.AppendUint32(to, f)
	}
	return to
}

func (s *sketch) read(from []byte) error {
	r := reader(from)
	atomic.StoreUint32(&s.tick, r.uint32())
	s.step, s.theta, s.thetaBefore, s.events = r.uint32(), r.uint32(), r.uint32(), r.uint32()
	s.used = r.uint8()
	if s.used > ExactElements {
		return errTooManyElements
	}
	for i := range ExactElements {
		s.seen[i] = r.uint8()
	}
	for i := range s.fingerprints {
		s.fingerprints[i] = r.uint32()
	}
	return nil
}
