// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

// Ratio counts, per key, the events that matched among all events, in steps as a [Counter] does.
type Ratio struct {
	*table[shares, *shares]
}

// RatioBytes is the memory of a [Ratio] per entity.
const RatioBytes = tableBytes + 32

// shares is the cell of a Ratio.
type shares struct {
	all, matched steps
}

// NewRatio makes a ratio for at least `entities` keys, rounded up to a power of two. The memory is reserved at once.
func NewRatio(entities int, seed uint64) Ratio {
	return Ratio{newTable[shares, *shares](entities, seed)}
}

// Add counts an event, which matched or not, and returns how many matched and how many there are in the window, this one
// included. When the update is refused, it is the only one.
func (t Ratio) Add(key uint64, matched bool, m Moment) (hits, all float64, outcome Outcome) {
	key = occupied(key)
	s, b := t.locate(key)
	defer s.mu.Unlock()
	cell, outcome := t.acquire(s, b, key, m)
	stored := cell != nil
	if !stored {
		cell = &shares{}
	}
	cell.all.turn(m.step)
	cell.matched.turn(m.step)
	if cell.all.current != ^uint32(0) { // both stop together, or the share would change
		cell.all.current++
		if matched {
			cell.matched.current++
		}
	}
	hits, all = cell.matched.count(m.elapsed), cell.all.count(m.elapsed)
	if stored && s.sharing != nil {
		others := t.shared(s, b, key)
		all, hits = all+others[0].ofOthers(m), hits+others[1].ofOthers(m)
	}
	return min(hits, all), all, outcome // the fleet's two totals come one after the other
}

// Count returns how many events matched and how many there are in the window. It stores nothing.
func (t Ratio) Count(key uint64, m Moment) (hits, all float64) {
	key = occupied(key)
	if t.unused(key) {
		return 0, 0
	}
	s, b := t.locate(key)
	defer s.mu.Unlock()
	cell := t.find(b, key)
	if cell == nil {
		return 0, 0
	}
	view := *cell
	view.all.turn(m.step)
	view.matched.turn(m.step)
	hits, all = view.matched.count(m.elapsed), view.all.count(m.elapsed)
	if s.sharing != nil {
		others := t.sharesOf(s, b, key)
		all, hits = all+others[0].ofOthers(m), hits+others[1].ofOthers(m)
	}
	return min(hits, all), all
}

func (s *shares) load(m Moment) uint32 { return s.all.load(m) }

func (s *shares) first() *uint32 { return s.all.first() }

func (s *shares) reset() {
	s.all.reset()
	s.matched.reset()
}

func (*shares) numbers() int { return 2 }

// offer offers a step's events and matches with the same number of events, so that none is published without the other.
func (s *shares) offer(shares []share, m Moment, o *Offer, take func(*Offer) bool) (rest bool) {
	s.all.turn(m.step)
	s.matched.turn(m.step)
	all, matched := s.all.amount(), s.matched.amount()
	matched.events, matched.eventsBefore = all.events, all.eventsBefore
	o.Number = 0
	rest = shares[0].offer(all, m, o, take)
	o.Number = 1
	return shares[1].offer(matched, m, o, take) || rest
}

func (*shares) merge(h *share, a *Answer) { h.merge(a) }

func (s *shares) append(to []byte) []byte { return s.matched.append(s.all.append(to)) }

func (s *shares) read(from []byte) error {
	if err := s.all.read(from); err != nil {
		return err
	}
	return s.matched.read(from[stepsEncoded:])
}
