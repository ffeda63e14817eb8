// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"math/bits"
	"sync"
)

const (
	// ways is the number of cells of a bucket. Eight keys fill one cache line.
	ways = 8
	// stripeBits picks 64 locks: enough that a few dozen goroutines seldom meet.
	stripeBits = 6
	stripes    = 1 << stripeBits
	// MinEntities is the smallest size of a table: one bucket a stripe, twice.
	MinEntities = 1024
)

// Outcome says what an update did to the table.
type Outcome uint8

const (
	// Stored: the key was known, or found a free or expired cell.
	Stored Outcome = iota
	// Evicted: the key was stored in the place of a live one.
	Evicted
	// Refused: the bucket is full, the update is not stored.
	Refused
)

// cell is the state of one key. Its zero value is an unused cell.
type cell[V any] interface {
	*V
	// load is the number of events (or elements) that are live at tick; 0 frees the cell.
	load(tick uint32) uint32
}

type bucket[V any] struct {
	keys  [ways]uint64
	cells [ways]V
}

type stripe[V any] struct {
	mu      sync.Mutex // guards the following
	random  uint64
	buckets []bucket[V]
	_       [64 - 8 - 8 - 24]byte // a cache line of its own for each lock
}

// table maps keys to cells. V contains no pointers, so the garbage collector never looks into it.
type table[V any, P cell[V]] struct {
	stripes [stripes]stripe[V]
	mask    uint64
}

// newTable makes a table of at least `entities` cells. Seed starts the random choices of admission.
func newTable[V any, P cell[V]](entities int, seed uint64) *table[V, P] {
	perStripe := max(entities, MinEntities) / (stripes * ways)
	buckets := 1 << bits.Len(uint(perStripe-1))
	if buckets*stripes*ways < entities {
		buckets *= 2
	}
	t := &table[V, P]{mask: uint64(buckets - 1)}
	for i := range t.stripes {
		t.stripes[i].buckets = make([]bucket[V], buckets)
		t.stripes[i].random = mix(seed+uint64(i)) | 1
	}
	return t
}

// capacity is the number of cells.
func (t *table[V, P]) capacity() int { return stripes * ways * int(t.mask+1) }

// locate returns the stripe of key, locked, and the key's bucket. The caller unlocks the stripe.
func (t *table[V, P]) locate(key uint64) (*stripe[V], *bucket[V]) {
	s := &t.stripes[key>>(64-stripeBits)]
	s.mu.Lock()
	return s, &s.buckets[key&t.mask]
}

// find returns the cell of key, or nil.
func (*table[V, P]) find(b *bucket[V], key uint64) P {
	for i := range b.keys {
		if b.keys[i] == key {
			return &b.cells[i]
		}
	}
	return nil
}

// acquire returns the cell of key, which it may have to make room for; nil when it is refused.
func (t *table[V, P]) acquire(s *stripe[V], b *bucket[V], key uint64, tick uint32) (P, Outcome) {
	if c := t.find(b, key); c != nil {
		return c, Stored
	}
	victim, least := 0, ^uint32(0)
	for i := range b.cells {
		if load := P(&b.cells[i]).load(tick); load < least {
			victim, least = i, load
		}
	}
	outcome := Stored
	if least > 0 {
		if !s.wins(least) {
			return nil, Refused
		}
		outcome = Evicted
	}
	var zero V
	b.keys[victim], b.cells[victim] = key, zero
	return &b.cells[victim], outcome
}

// wins is true with probability 1/(load+1).
func (s *stripe[V]) wins(load uint32) bool {
	s.random ^= s.random << 13
	s.random ^= s.random >> 7
	s.random ^= s.random << 17
	high, _ := bits.Mul64(mix(s.random), uint64(load)+1)
	return high == 0
}

// occupied keeps key 0, which marks an unused cell, free. It costs one pair of keys in 2^64 their difference.
func occupied(key uint64) uint64 {
	if key == 0 {
		return 1
	}
	return key
}

// mix spreads the bits of x (the finalizer of SplitMix64, Steele, Lea and Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
