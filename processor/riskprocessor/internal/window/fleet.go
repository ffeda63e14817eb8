// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"encoding/binary"
	"math/bits"
)

// Offer is what a table has counted and the fleet does not know yet: an amount to be added, or one element of a set.
type Offer struct {
	// Number says which of the table's numbers it is: a [Ratio] has two, the events and those that matched.
	Number int
	// Key and Step say of whom and of which step.
	Key  uint64
	Step uint32
	// First is true for the first one of this key and step.
	First bool
	// Value is the amount, of a [Sum] in thousandths, or the element.
	Value int64
	// Local is what this table alone has counted of the key in the step: events, or different elements.
	Local int64
}

// Answer is the fleet's total of a key, what this table has offered included.
type Answer struct {
	Number int
	Key    uint64
	Step   uint32
	// Total is that of the step, Previous of the step before, -1 when it is not known.
	Total, Previous int64
}

// share is what a key and the fleet know of each other, for one number: kept beside the cells once a table is shared.
type share struct {
	taken, takenBefore   int64  // offered and taken, of the current step and the one before
	others, othersBefore int64  // counted by others; of a Distinct the fleet's total
	step                 uint32 // as a cell's
	told, toldBefore     bool   // something was taken
}

// sharing is what a stripe needs to take part in a fleet.
type sharing struct {
	shares []share  // those of a cell side by side
	dirty  []uint64 // a bit for each bucket: it may have something to offer
}

// amountUnits is how many units of the fleet an amount of 1 is.
const amountUnits = 1000

// Offer walks over what was counted and not yet taken. take returns whether it is now the fleet's; what is not is offered
// again the next time. Offers of one key and step come one after the other. The table is shared from the first call on.
// One stripe is locked at a time, for one bucket.
func (t *table[V, P]) Offer(m Moment, take func(*Offer) bool) {
	var o Offer
	for i := range t.stripes {
		s := &t.stripes[i]
		t.share(s)
		for word := range (len(s.buckets) + 63) / 64 {
			t.offerWord(s, word, m, &o, take)
		}
	}
}

// offerWord offers what is in the buckets of one word of dirty bits.
func (t *table[V, P]) offerWord(s *stripe[V], word int, m Moment, o *Offer, take func(*Offer) bool) {
	s.mu.Lock()
	todo := s.sharing.dirty[word]
	s.mu.Unlock()
	for ; todo != 0; todo &= todo - 1 {
		bit := bits.TrailingZeros64(todo)
		place := word*64 + bit
		if place >= len(s.buckets) {
			return
		}
		s.mu.Lock()
		if !t.offerBucket(s, place, m, o, take) {
			s.sharing.dirty[word] &^= 1 << bit
		}
		s.mu.Unlock()
	}
}

// Forfeit counts as taken what is not. It is for a table restored from a snapshot after which the fleet may have been told
// more: too little is told then, where it would be too much.
func (t *table[V, P]) Forfeit(m Moment) {
	numbers := P(nil).numbers()
	if numbers == 0 {
		return
	}
	for i := range t.stripes {
		s := &t.stripes[i]
		t.share(s)
		s.mu.Lock()
		for j := range s.buckets {
			for k, key := range s.buckets[j].keys {
				if key != 0 {
					forfeit(P(&s.buckets[j].cells[k]), s.sharing.of(j*ways+k, numbers), m)
				}
			}
		}
		s.mu.Unlock()
	}
}

// forfeit has all of a cell taken, but by nobody: whether the fleet was told something of the key stays as it was.
func forfeit[V any, P cell[V]](c P, shares []share, m Moment) {
	var told [2][2]bool
	for i := range shares {
		shares[i].turn(m.step)
		told[i] = [2]bool{shares[i].told, shares[i].toldBefore}
	}
	c.offer(shares, m, &Offer{}, func(*Offer) bool { return true })
	for i := range shares {
		shares[i].told, shares[i].toldBefore = told[i][0], told[i][1]
	}
}

// share makes the stripe take part. What was counted before is offered, too.
func (t *table[V, P]) share(s *stripe[V]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sharing == nil {
		s.sharing = newSharing(len(s.buckets), P(nil).numbers())
	}
}

func newSharing(buckets, numbers int) *sharing {
	sh := &sharing{shares: make([]share, buckets*ways*numbers), dirty: make([]uint64, (buckets+63)/64)}
	for i := range sh.dirty {
		sh.dirty[i] = ^uint64(0)
	}
	return sh
}

// offerBucket returns whether something is left to be offered.
func (t *table[V, P]) offerBucket(s *stripe[V], place int, m Moment, o *Offer, take func(*Offer) bool) (rest bool) {
	b := &s.buckets[place]
	for i, key := range b.keys {
		if key == 0 {
			continue
		}
		o.Key = key
		if P(&b.cells[i]).offer(s.sharing.of(place*ways+i, P(nil).numbers()), m, o, take) {
			rest = true
		}
	}
	return rest
}

func (sh *sharing) of(cell, numbers int) []share { return sh.shares[cell*numbers : (cell+1)*numbers] }

// shared returns the shares of key, which has a cell, and notes that it may have something to offer. It is for tables that
// are shared.
func (t *table[V, P]) shared(s *stripe[V], b *bucket[V], key uint64) []share {
	place := int(key & t.mask)
	s.sharing.dirty[place/64] |= 1 << (place % 64)
	return t.sharesOf(s, b, key)
}

// sharesOf returns the shares of key, nil if it has no cell.
func (t *table[V, P]) sharesOf(s *stripe[V], b *bucket[V], key uint64) []share {
	for i := range b.keys {
		if b.keys[i] == key {
			return s.sharing.of(int(key&t.mask)*ways+i, P(nil).numbers())
		}
	}
	return nil
}

// Merge notes the fleet's total of a key, if it still has its cell.
func (t *table[V, P]) Merge(a *Answer) {
	s, b := t.locate(a.Key)
	defer s.mu.Unlock()
	if s.sharing == nil || a.Number >= P(nil).numbers() {
		return
	}
	if shares := t.sharesOf(s, b, a.Key); shares != nil {
		P(nil).merge(&shares[a.Number], a)
	}
}

// turn moves the share on to step, as steps.turn does.
func (h *share) turn(step uint32) {
	switch ahead := int32(step - h.step); {
	case ahead <= 0:
		return
	case ahead == 1:
		h.takenBefore, h.othersBefore, h.toldBefore = h.taken, h.others, h.told
	default:
		h.takenBefore, h.othersBefore, h.toldBefore = 0, 0, false
	}
	h.taken, h.others, h.told, h.step = 0, 0, false, step
}

// ofOthers is what others have counted in the window.
func (h *share) ofOthers(m Moment) float64 {
	h.turn(m.step)
	return float64(h.others) + float64(h.othersBefore)*(1-m.elapsed)
}

// amount is a number of a cell in the fleet's units, with the events that it was counted with.
type amount struct{ current, previous, events, eventsBefore int64 }

// offer offers what is not yet taken of an amount. The end of a step is offered when the next one has begun.
func (h *share) offer(n amount, m Moment, o *Offer, take func(*Offer) bool) (rest bool) {
	h.turn(m.step)
	if o.Value = n.previous - h.takenBefore; o.Value != 0 {
		o.Step, o.First, o.Local = m.step-1, !h.toldBefore, n.eventsBefore
		if take(o) {
			h.takenBefore, h.toldBefore = n.previous, true
		} else {
			rest = true
		}
	}
	if o.Value = n.current - h.taken; o.Value != 0 {
		o.Step, o.First, o.Local = m.step, !h.told, n.events
		if take(o) {
			h.taken, h.told = n.current, true
		} else {
			rest = true
		}
	}
	return rest
}

// merge takes what this table has offered out of a total. Others cannot have counted less than nothing: a Redis that has
// forgotten says so.
func (h *share) merge(a *Answer) {
	switch a.Step {
	case h.step:
		h.others = max(0, a.Total-h.taken)
		if a.Previous >= 0 {
			h.othersBefore = max(0, a.Previous-h.takenBefore)
		}
	case h.step - 1:
		h.othersBefore = max(0, a.Total-h.takenBefore)
	}
}

// shareEncoded is the length of a share in a snapshot.
const shareEncoded = 4 + 8 + 8 + 1

// appendShares writes what of a cell was taken.
func (s *stripe[V]) appendShares(to []byte, cell, numbers int) []byte {
	if s.sharing == nil {
		return append(to, make([]byte, shareEncoded*numbers)...)
	}
	for _, h := range s.sharing.of(cell, numbers) {
		to = binary.LittleEndian.AppendUint32(to, h.step)
		to = binary.LittleEndian.AppendUint64(to, uint64(h.taken))
		to = binary.LittleEndian.AppendUint64(to, uint64(h.takenBefore))
		var told byte
		if h.told {
			told |= 1
		}
		if h.toldBefore {
			told |= 2
		}
		to = append(to, told)
	}
	return to
}

// readShares reads what appendShares wrote. A table that was not shared stays so.
func (t *table[V, P]) readShares(s *stripe[V], from []byte, cell int) {
	r := reader(from)
	for i := range P(nil).numbers() {
		h := share{step: r.uint32(), taken: int64(r.uint64()), takenBefore: int64(r.uint64())}
		told := r.uint8()
		h.told, h.toldBefore = told&1 != 0, told&2 != 0
		if s.sharing == nil {
			if h == (share{}) {
				continue
			}
			s.sharing = newSharing(len(s.buckets), P(nil).numbers())
		}
		s.sharing.of(cell, P(nil).numbers())[i] = h
	}
}
