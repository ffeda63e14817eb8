// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
)

const (
	// ways is the number of cells of a bucket. Eight keys fill one cache line.
	ways = 8
	// stripeBits picks 64 locks: enough that a few dozen goroutines seldom meet.
	stripeBits = 6
	stripes    = 1 << stripeBits
	// MinEntities is the smallest size of a table: one bucket a stripe, twice.
	MinEntities = 1024
	// tableBytes is the memory of a table per entity besides the cell: its key and its part in the frequency sketch.
	tableBytes = 8 + 4
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

// cell is the state of one key. Its zero value is an unused cell. Its size is a multiple of 8 bytes, so that the keys of
// every bucket are one cache line.
type cell[V any] interface {
	*V
	// load is the number of events (or elements) that are live at m; 0 frees the cell.
	load(m Moment) uint32
	// first is a field of the cell's first cache line, which is always written by sync/atomic.
	first() *uint32
	// reset makes it an unused cell.
	reset()
	codec
	// numbers is how many numbers the fleet adds up; it may be called without a cell, as may merge.
	numbers() int
	// offer offers what is not yet taken, see [Offer], and returns whether something is left.
	offer(shares []share, m Moment, o *Offer, take func(*Offer) bool) (rest bool)
	// merge takes in a total of the fleet.
	merge(h *share, a *Answer)
}

type bucket[V any] struct {
	keys  [ways]uint64 // written by sync/atomic, under the lock
	cells [ways]V
}

type stripe[V any] struct {
	mu      sync.Mutex // guards the following
	random  uint64
	buckets []bucket[V]
	unknown frequency
	sharing *sharing                            // nil until the table is shared
	turn    uint32                              // how often something was noted
	_       [128 - 8 - 8 - 24 - 32 - 8 - 4]byte // cache lines of its own for each lock
}

// table maps keys to cells. V contains no pointers, so the garbage collector never looks into it. Buckets may be memory of
// their own that is given back after the table is collected: whoever holds a bucket must hold the table or its stripe.
type table[V any, P cell[V]] struct {
	stripes [stripes]stripe[V]
	buckets []bucket[V] // of all stripes, one stripe after the other
	mask    uint64
	used    []uint64 // a bit for each bucket that ever had a key, by stripe; set under the lock, read without
}

// newTable makes a table of at least `entities` cells. Seed starts the random choices of admission.
func newTable[V any, P cell[V]](entities int, seed uint64) *table[V, P] {
	perStripe := max(entities, MinEntities) / (stripes * ways)
	buckets := 1 << bits.Len(uint(perStripe-1))
	if buckets*stripes*ways < entities {
		buckets *= 2
	}
	t := &table[V, P]{mask: uint64(buckets - 1), used: make([]uint64, (stripes*buckets+63)/64)}
	all := allocate[bucket[V]](stripes*buckets, t)
	t.buckets = all
	for i := range t.stripes {
		t.stripes[i].buckets = all[i*buckets : (i+1)*buckets : (i+1)*buckets]
		t.stripes[i].unknown = newFrequency(buckets * ways)
		t.stripes[i].random = mix(seed+uint64(i)) | 1
	}
	return t
}

// Capacity is the number of keys that fit.
func (t *table[V, P]) Capacity() int { return stripes * ways * int(t.mask+1) }

// Touch returns the first field of the cell of a key, 0 for an unknown one, without taking a lock.
func (t *table[V, P]) Touch(key uint64) uint32 {
	key = occupied(key)
	if t.unused(key) {
		return 0
	}
	b := t.bucket(key)
	defer runtime.KeepAlive(t) // which the buckets live as long as
	if place := b.place(key); place < ways {
		return atomic.LoadUint32(P(&b.cells[place]).first())
	}
	return 0
}

// unused says that the bucket of key never had one: what counts seldom is asked often, and needs no look at its memory.
func (t *table[V, P]) unused(key uint64) bool {
	n := t.number(key)
	return atomic.LoadUint64(&t.used[n/64])>>(n%64)&1 == 0
}

// number is the number of key's bucket in all of the table.
func (t *table[V, P]) number(key uint64) uint64 { return key>>(64-stripeBits)*(t.mask+1) + key&t.mask }

func (t *table[V, P]) bucket(key uint64) *bucket[V] { return &t.buckets[t.number(key)] }

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
func (t *table[V, P]) acquire(s *stripe[V], b *bucket[V], key uint64, m Moment) (P, Outcome) {
	if c := t.find(b, key); c != nil {
		return c, Stored
	}
	victim, least := t.least(b, m)
	outcome := Stored
	if least > 0 {
		if !s.admit(s.unknown.add(key), least) {
			return nil, Refused
		}
		outcome = Evicted
	}
	return t.place(s, b, victim, key), outcome
}

// least returns the cell of the least load, the first of several.
func (*table[V, P]) least(b *bucket[V], m Moment) (index int, load uint32) {
	load = ^uint32(0)
	for i := range b.cells {
		if l := P(&b.cells[i]).load(m); l < load {
			index, load = i, l
		}
	}
	return index, load
}

// place gives the cell at index i to key, unused.
func (t *table[V, P]) place(s *stripe[V], b *bucket[V], i int, key uint64) P {
	atomic.StoreUint64(&b.keys[i], key)
	n := t.number(key)
	if t.unused(key) {
		atomic.OrUint64(&t.used[n/64], 1<<(n%64)) // words are shared by stripes of small tables
	}
	c := P(&b.cells[i])
	if s.sharing != nil {
		clear(s.sharing.of(int(key&t.mask)*ways+i, c.numbers()))
	}
	c.reset()
	return c
}

// occupied keeps key 0, which marks an unused cell, free. It costs one pair of keys in 2^64 their difference.
func occupied(key uint64) uint64 {
	if key == 0 {
		return 1
	}
	return key
}
