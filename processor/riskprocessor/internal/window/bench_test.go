// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"math/rand/v2"
	"testing"
	"time"
)

// zipf draws keys as traffic does: a few take most of it.
func zipf(keys int) []uint64 {
	random := rand.New(rand.NewPCG(9, 10))
	z := rand.NewZipf(random, 1.1, 1, uint64(keys-1))
	drawn := make([]uint64, 1<<16)
	for i := range drawn {
		drawn[i] = key(int(z.Uint64()))
	}
	return drawn
}

func uniform(keys int) []uint64 {
	random := rand.New(rand.NewPCG(9, 10))
	drawn := make([]uint64, 1<<16)
	for i := range drawn {
		drawn[i] = key(random.IntN(keys))
	}
	return drawn
}

func BenchmarkCounterAdd(b *testing.B) {
	for name, keys := range map[string][]uint64{"zipf": zipf(131_072), "uniform": uniform(131_072), "flood": uniform(1 << 40)} {
		b.Run(name, func(b *testing.B) {
			c := counter(131_072)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				c.Add(keys[i%len(keys)], time.Duration(i))
				i++
			}
		})
	}
}

func BenchmarkCounterAddParallel(b *testing.B) {
	keys := zipf(131_072)
	c := counter(131_072)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			c.Add(keys[i%len(keys)], time.Duration(i))
		}
	})
}

func BenchmarkDistinctAdd(b *testing.B) {
	for name, elements := range map[string]int{"3 elements a key": 3, "100 elements a key": 100} {
		b.Run(name, func(b *testing.B) {
			keys := zipf(131_072)
			d := distinct(131_072)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				d.Add(keys[i%len(keys)], element(i%elements), time.Duration(i))
				i++
			}
		})
	}
}
