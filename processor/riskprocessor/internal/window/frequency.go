// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

import "math/bits"

const (
	// rows is the number of counters that a key has in a frequency sketch.
	rows = 4
	// saturated is where the counters end.
	saturated = 15
)

// frequency estimates how often keys without a cell were seen lately: a count-min sketch (Cormode and Muthukrishnan
// 2005) of 4-bit counters with conservative update, all of which are halved after as many updates as the table has
// cells (as in TinyLFU: Einziger, Friedman and Manes 2017). It estimates too much when all four counters of a key are
// shared: one key in some ten thousand seen once is taken for one seen three times.
//
// Only what finds its bucket full is counted here, so it costs nothing until the table is full.
type frequency struct {
	words   []uint64 // 16 counters each; rows one after the other
	updates int
}

// newFrequency makes a sketch for a part of a table with the given number of cells, a power of two of at least 8:
// four bytes for each of them.
func newFrequency(cells int) frequency { return frequency{words: make([]uint64, cells/2)} }

// add counts key and returns how often it was seen, this time included.
func (f *frequency) add(key uint64) uint32 {
	if f.updates >= 2*len(f.words) {
		f.halve()
	}
	f.updates++
	h := mix(key ^ 0x5851f42d4c957f2d) // other bits than those that chose the bucket
	perRow := uint64(len(f.words) / rows)
	step := h>>32 | 1
	least := uint64(saturated)
	var at [rows]uint64
	for i := range at {
		h += step
		at[i] = uint64(i)*perRow*16 + h&(perRow*16-1)
		least = min(least, f.counter(at[i]))
	}
	if least == saturated {
		return saturated
	}
	for _, place := range at { // conservative: only the smallest rise
		if f.counter(place) == least {
			f.words[place/16] += 1 << (place % 16 * 4)
		}
	}
	return uint32(least) + 1
}

func (f *frequency) counter(place uint64) uint64 { return f.words[place/16] >> (place % 16 * 4) & 15 }

func (f *frequency) halve() {
	for i, word := range f.words {
		f.words[i] = word >> 1 & 0x7777777777777777
	}
	f.updates = 0
}

// admit says whether a key that was seen `seen` times takes the place of one with the given load: with two more, because
// one more is what the sketch errs by too often. Above what the sketch can tell apart it is chance, so that a new key with
// much traffic gets in among old ones after a while.
func (s *stripe[V]) admit(seen, load uint32) bool {
	if seen < saturated || load+1 < saturated {
		return seen > load+1
	}
	s.random ^= s.random << 13
	s.random ^= s.random >> 7
	s.random ^= s.random << 17
	high, _ := bits.Mul64(mix(s.random), uint64(load/saturated)+1)
	return high == 0
}

// mix spreads the bits of x (the finalizer of SplitMix64, Steele, Lea and Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
