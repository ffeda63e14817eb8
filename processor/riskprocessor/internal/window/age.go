// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"encoding/binary"
	"sync/atomic"
)

// Age remembers when a key was seen first, as long as it is seen again within the window each time, by [Age.See]; or only
// that it was seen within the window, by [Age.Note].
type Age struct {
	*table[span, *span]
}

// AgeBytes is the memory of an [Age] per entity.
const AgeBytes = tableBytes + 16

// span is the cell of an Age: seconds since 1970, 0 when unused, and how often the key was seen.
type span struct {
	last, firstSeen, seen uint32
	turn                  uint32 // of the stripe in which Note saw it; not in snapshots
}

// NewAge makes a memory for at least `entities` keys, rounded up to a power of two. The memory is reserved at once.
func NewAge(entities int, seed uint64) Age { return Age{newTable[span, *span](entities, seed)} }

// See notes that key is seen and returns the seconds since it was first seen, 0 for the first time. When the update is
// refused that is 0, as for every key that is not known.
func (t Age) See(key uint64, m Moment) (float64, Outcome) {
	key = occupied(key)
	s, b := t.locate(key)
	defer s.mu.Unlock()
	cell, outcome := t.acquire(s, b, key, m)
	if cell == nil {
		return 0, outcome
	}
	if !cell.live(m) {
		cell.firstSeen, cell.seen = m.seconds, 0
	}
	if int32(m.seconds-cell.last) > 0 || cell.last == 0 {
		atomic.StoreUint32(&cell.last, m.seconds)
	}
	if cell.seen != ^uint32(0) {
		cell.seen++
	}
	return cell.age(m), outcome
}

// Note notes that key is seen. In a full bucket it takes the place of the key that was noted longest ago, however often that
// was: for keys that are to be remembered for their last time alone. A memory is used by See or by Note, not by both.
func (t Age) Note(key uint64, m Moment) Outcome {
	key = occupied(key)
	s, b := t.locate(key)
	defer s.mu.Unlock()
	cell, outcome := t.find(b, key), Stored
	if cell == nil {
		victim := oldest(b, m)
		if b.cells[victim].live(m) {
			outcome = Evicted
		}
		cell = t.place(s, b, victim, key)
	}
	s.turn++
	cell.turn = s.turn
	if int32(m.seconds-cell.last) > 0 || cell.last == 0 {
		atomic.StoreUint32(&cell.last, m.seconds)
	}
	return outcome
}

// oldest returns the cell that is not live, or else was noted longest ago. Turns tell apart what was noted in one second.
func oldest(b *bucket[span], m Moment) (index int) {
	for i := range b.cells {
		c := &b.cells[i]
		if !c.live(m) {
			return i
		}
		if int32(c.turn-b.cells[index].turn) < 0 {
			index = i
		}
	}
	return index
}

// Seen returns the seconds since key was first seen, and whether it is known. It stores nothing.
func (t Age) Seen(key uint64, m Moment) (float64, bool) {
	key = occupied(key)
	s, b := t.locate(key)
	defer s.mu.Unlock()
	cell := t.find(b, key)
	if cell == nil || !cell.live(m) {
		return 0, false
	}
	return cell.age(m), true
}

func (s *span) live(m Moment) bool {
	return s.last != 0 && int32(m.seconds-s.last) < m.length
}

func (s *span) age(m Moment) float64 { return float64(max(0, int32(m.seconds-s.firstSeen))) }

func (s *span) load(m Moment) uint32 {
	if !s.live(m) {
		return 0
	}
	return max(1, s.seen)
}

func (s *span) first() *uint32 { return &s.last }

func (s *span) reset() {
	atomic.StoreUint32(&s.last, 0)
	s.firstSeen, s.seen, s.turn = 0, 0, 0
}

func (*span) numbers() int { return 0 }

func (*span) offer([]share, Moment, *Offer, func(*Offer) bool) bool { return false }

func (*span) merge(*share, *Answer) {}

func (s *span) append(to []byte) []byte {
	to = binary.LittleEndian.AppendUint32(to, s.last)
	to = binary.LittleEndian.AppendUint32(to, s.firstSeen)
	return binary.LittleEndian.AppendUint32(to, s.seen)
}

func (s *span) read(from []byte) error {
	r := reader(from)
	atomic.StoreUint32(&s.last, r.uint32())
	s.firstSeen, s.seen = r.uint32(), r.uint32()
	return nil
}
