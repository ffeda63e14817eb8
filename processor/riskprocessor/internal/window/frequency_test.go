// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestNewKeyWithTrafficGetsIn: among keys that came before it and that go on, up to what the sketch can tell apart by
// being seen more often, above it by chance.
func TestNewKeyWithTrafficGetsIn(t *testing.T) {
	for name, load := range map[string]int{"among quiet keys": 3, "among busy keys": 200} {
		t.Run(name, func(t *testing.T) {
			c := counter(MinEntities)
			const same = uint64(1) << 40 // all keys in bucket 0 of stripe 0
			for i := range uint64(ways) {
				for range load {
					c.Add((i+1)*same, 0)
				}
			}
			tries := 0
			for c.Count(100*same, 0) == 0 {
				c.Add(100*same, 0)
				tries++
				if tries > 100*load {
					t.Fatal("was never let in")
				}
			}
			assert.Greater(t, tries, min(load, saturated-1), "it is seen more often than the least of them")
		})
	}
}

// TestSketchErrsAsDocumented: of keys seen once, in a sketch at the end of its period, few are taken for more.
func TestSketchErrsAsDocumented(t *testing.T) {
	const cells, keys = 4096, 200_000
	f := newFrequency(cells)
	var counts [saturated + 1]int
	for i := range keys {
		counts[f.add(key(i))]++
	}
	twice := 0
	for _, n := range counts[3:] {
		twice += n
	}
	assert.Less(t, twice, keys/10_000, "taken for seen three times")
}

func TestSketchCountsWhatComesOften(t *testing.T) {
	f := newFrequency(64)
	for i := uint32(1); i <= 2*saturated; i++ {
		assert.Equal(t, min(i, saturated), f.add(7))
	}
	f.halve()
	assert.Equal(t, uint32(saturated/2+1), f.add(7), "old traffic counts half")
}
