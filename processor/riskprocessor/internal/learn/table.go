// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"math/bits"
	"math/rand/v2"
)

// table maps ids to places within one trace: open addressing, emptied in no time by counting generations.
type table struct {
	keys       []uint64
	values     []int32
	used       []uint32 // generation in which the cell was filled
	generation uint32
}

// What cells are chosen by is a secret of this process: whoever sends spans chooses their ids, and those of one cell are
// looked through one by one.
var secret = [2]uint64{rand.Uint64(), rand.Uint64() | 1}

// reset empties the table and makes room for n keys.
func (t *table) reset(n int) {
	size := 64
	for size < 2*n {
		size *= 2
	}
	if size > len(t.keys) || len(t.keys) > 64*size {
		t.keys, t.values, t.used, t.generation = make([]uint64, size), make([]int32, size), make([]uint32, size), 0
	}
	t.generation++
	if t.generation == 0 {
		clear(t.used)
		t.generation = 1
	}
}

func (t *table) cell(key uint64) int {
	high, low := bits.Mul64(key^secret[0], secret[1])
	i := int(high^low) & (len(t.keys) - 1)
	for t.used[i] == t.generation && t.keys[i] != key {
		i = (i + 1) & (len(t.keys) - 1)
	}
	return i
}

func (t *table) get(key uint64) (int32, bool) {
	i := t.cell(key)
	return t.values[i], t.used[i] == t.generation
}

func (t *table) put(key uint64, value int32) {
	i := t.cell(key)
	t.keys[i], t.values[i], t.used[i] = key, value, t.generation
}
