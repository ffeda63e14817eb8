// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package procinfo

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// order returns the process ids of an lru from the newest to the oldest, by following the ring in one direction.
func order(l *lru) []uint32 {
	var pids []uint32
	for e := l.ring.old; e != &l.ring; e = e.old {
		pids = append(pids, e.pid)
	}
	return pids
}

// TestLRUAgreesWithAPlainList does the same random things to an lru and to a slice that is kept in order.
func TestLRUAgreesWithAPlainList(t *testing.T) {
	const limit = 5
	random := rand.New(rand.NewPCG(1, 2))
	l := newLRU(limit)
	var model []uint32
	use := func(pid uint32) {
		model = slices.DeleteFunc(model, func(other uint32) bool { return other == pid })
		model = slices.Insert(model, 0, pid)
	}
	for range 10_000 {
		pid := 1 + random.Uint32N(2*limit)
		if random.IntN(2) == 0 {
			e := l.get(pid)
			assert.Equal(t, slices.Contains(model, pid), e != nil)
			if e != nil {
				assert.Equal(t, pid, e.pid)
				use(pid)
			}
		} else {
			l.put(pid, &entry{})
			use(pid)
			model = model[:min(len(model), limit)]
		}
		require.ElementsMatch(t, model, order(l))
		require.Equal(t, model, order(l))
		require.Equal(t, len(model), l.len())
		backwards := model[:0:0]
		for e := l.ring.newer; e != &l.ring; e = e.newer {
			backwards = append(backwards, e.pid)
		}
		slices.Reverse(backwards)
		require.Equal(t, model, backwards, "the ring is whole in both directions")
	}
}

func TestLRUOfOneRemembersTheLast(t *testing.T) {
	l := newLRU(1)
	for pid := range uint32(3) {
		l.put(pid, &entry{})
		assert.Equal(t, []uint32{pid}, order(l))
	}
	assert.Nil(t, l.get(0))
	assert.NotNil(t, l.get(2))
}
