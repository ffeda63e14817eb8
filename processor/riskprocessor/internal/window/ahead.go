// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"runtime"
	"sync/atomic"
)

// Ahead brings the cells of the keys near, without taking a lock. A caller who has many keys to update asks for all of them
// first, so that their memory is fetched for all at once instead of for one after the other.
//
// It goes over the keys twice. Where in its bucket a key is cannot be predicted; a processor that guesses it before the
// keys of the bucket have come from memory goes the wrong way, and has nothing of the next key underway when it finds out.
// So the first walk only asks for the keys of all buckets, and decides nothing by what is there.
func (t *table[V, P]) Ahead(keys []uint64) {
	defer runtime.KeepAlive(t) // which the buckets live as long as
	for _, key := range keys {
		if key = occupied(key); !t.unused(key) {
			atomic.LoadUint64(&t.bucket(key).keys[0])
		}
	}
	for _, key := range keys {
		t.Touch(key)
	}
}

// place is where key is, or ways. It has no branch that depends on it, which would be guessed wrong most of the time.
func (b *bucket[V]) place(key uint64) int {
	place := ways
	for i := range b.keys {
		if atomic.LoadUint64(&b.keys[i]) == key {
			place = i
		}
	}
	return place
}
