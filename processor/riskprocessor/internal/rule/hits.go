// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"iter"
	"math/bits"
)

// MaxRules is the number of rules that a [Hits] can hold.
const MaxRules = 256

// Hits is the set of rules that fired, by place.
type Hits [MaxRules / 64]uint64

// Add adds the rule at the given place.
func (h *Hits) Add(place int) { h[place/64] |= 1 << (place % 64) }

// Join adds all of other.
func (h *Hits) Join(other *Hits) {
	for i, word := range other {
		h[i] |= word
	}
}

// Has says whether the rule at the given place fired.
func (h *Hits) Has(place int) bool { return h[place/64]>>(place%64)&1 == 1 }

// Empty says whether no rule fired.
func (h *Hits) Empty() bool { return *h == Hits{} }

// All yields the places of the rules that fired, in order.
func (h *Hits) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, word := range h {
			for ; word != 0; word &= word - 1 {
				if !yield(i*64 + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}

// Len is the number of rules that fired.
func (h *Hits) Len() int {
	n := 0
	for _, word := range h {
		n += bits.OnesCount64(word)
	}
	return n
}
