// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// element makes well-spread hashes of elements.
func element(n int) uint64 { return mix(uint64(n) + 1<<50) }

func TestDistinctIsExactForFewElements(t *testing.T) {
	d := distinct(MinEntities)
	for i := 1; i <= ExactElements; i++ {
		for range 3 { // repetitions do not count
			n, outcome := d.Add(1, element(i), time.Duration(i))
			require.Equal(t, Stored, outcome)
			require.InDelta(t, float64(i), n, 0)
		}
	}
	assert.InDelta(t, float64(ExactElements), d.Count(1, minute/2), 0)
	assert.Zero(t, d.Count(2, minute/2), "another key has elements of its own")
}

// TestCellOfFewElementsIsOneCacheLine: to add one of the first two elements touches nothing beyond what was read ahead.
func TestCellOfFewElementsIsOneCacheLine(t *testing.T) {
	const line = 64
	var s sketch
	for name, end := range map[string]uintptr{
		"events":       unsafe.Offsetof(s.events) + unsafe.Sizeof(s.events),
		"used":         unsafe.Offsetof(s.used) + unsafe.Sizeof(s.used),
		"seen":         unsafe.Offsetof(s.seen) + unsafe.Sizeof(s.seen),
		"fingerprints": unsafe.Offsetof(s.fingerprints) + 2*unsafe.Sizeof(s.fingerprints[0]),
	} {
		assert.LessOrEqual(t, end, uintptr(line), name)
	}
	assert.Zero(t, unsafe.Sizeof(s)%line, "or cells share lines")
}

// TestDistinctAgainstExactWindow holds the sketch against a map of all elements, while few enough are live.
func TestDistinctAgainstExactWindow(t *testing.T) {
	const tick = minute / resolution
	random := rand.New(rand.NewPCG(7, 8))
	d := distinct(MinEntities)
	last := map[int]time.Duration{}
	now := time.Duration(0)
	for range 20_000 {
		now += time.Duration(random.ExpFloat64() * float64(4*time.Second)) // some 15 a window
		e := random.IntN(100)
		last[e] = now
		n, _ := d.Add(1, element(e), now)
		atLeast, atMost := 0, 0
		for _, seen := range last {
			if now-seen < minute-tick {
				atLeast++
			}
			if now-seen < minute+tick {
				atMost++
			}
		}
		if atMost > ExactElements {
			continue
		}
		require.GreaterOrEqual(t, n, float64(atLeast))
		require.LessOrEqual(t, n, float64(atMost))
	}
}

func TestDistinctEstimatesManyElements(t *testing.T) {
	for _, elements := range []int{100, 1000, 20_000} {
		const keys = 64
		d := distinct(16 * MinEntities)
		errs, squares := 0.0, 0.0
		for k := range keys {
			n := 0.0
			for i := range elements {
				n, _ = d.Add(key(k), element(k*elements+i), time.Duration(i))
			}
			relative := n/float64(elements) - 1
			errs += relative
			squares += relative * relative
		}
		deviation := math.Sqrt(squares / keys)
		assert.InDelta(t, 0, errs/keys, 4*0.17/math.Sqrt(keys), "%d elements: unbiased", elements)
		assert.Less(t, deviation, 0.25, "%d elements: standard error 1/sqrt(34) = 0.17", elements)
	}
}

// TestDistinctInAnyOrder: what is given up must be remembered, whether it came last or had to make room.
func TestDistinctInAnyOrder(t *testing.T) {
	const elements = 2900
	spread := func(i int) uint64 { return uint64(i) * (1 << 32 / elements) << 32 } // fingerprints at even distances
	for name, order := range map[string]func(i int) int{
		"rising":  func(i int) int { return i },
		"falling": func(i int) int { return elements - 1 - i },
	} {
		t.Run(name, func(t *testing.T) {
			d := distinct(MinEntities)
			n := 0.0
			for i := range elements {
				n, _ = d.Add(1, spread(order(i)), 0)
			}
			assert.InDelta(t, elements, n, 1)
		})
	}
}

// TestDistinctAcrossSteps: theta belongs to the window, not to the step in which it was found.
func TestDistinctAcrossSteps(t *testing.T) {
	const elements = 5000
	d := distinct(MinEntities)
	for i := range elements {
		d.Add(1, element(i), minute-minute/10)
	}
	before := d.Count(1, minute-minute/20)
	require.InDelta(t, elements, before, elements*0.6)
	assert.InDelta(t, before, d.Count(1, minute+minute/2), 0, "half a step later, looked at")
	after, _ := d.Add(1, element(0), minute+minute/2)
	assert.InDelta(t, before, after, before/10, "and with another element")
}

func TestDistinctForgets(t *testing.T) {
	for name, elements := range map[string]int{"few elements": 10, "many elements": 5000} {
		t.Run(name, func(t *testing.T) {
			d := distinct(MinEntities)
			for i := range elements {
				d.Add(1, element(i), 0)
			}
			assert.Positive(t, d.Count(1, minute-1))
			assert.Zero(t, d.Count(1, minute+minute/resolution))
		})
	}
}

// TestDistinctRecoversFromAFlood: after a flood of elements theta must rise again, or small numbers would be estimated
// from next to nothing for ever.
func TestDistinctRecoversFromAFlood(t *testing.T) {
	d := distinct(MinEntities)
	for i := range 100_000 {
		d.Add(1, element(i), 0)
	}
	n := 0.0
	for now := minute; now < 6*minute; now += minute / 100 { // 200 elements take turns
		n, _ = d.Add(1, element(500_000+int(now/(minute/100))%200), now)
	}
	assert.InDelta(t, 100, n, 60, "100 of them fall into one window")
}

func TestDistinctRefusedUpdateIsOneElement(t *testing.T) {
	d := distinct(MinEntities)
	for i := 0; ; i++ {
		require.Less(t, i, 1_000_000, "no update was refused")
		n, outcome := d.Add(key(i), element(1), 0)
		require.InDelta(t, 1.0, n, 0)
		if outcome == Refused {
			return
		}
	}
}

func TestDistinctSizes(t *testing.T) {
	assert.Equal(t, 65_536, distinct(65_536).Capacity())
	assert.EqualValues(t, DistinctBytes*ways, unsafe.Sizeof(bucket[sketch]{})+4*ways, "memory is what the documentation says")
}

func TestDistinctConcurrently(t *testing.T) {
	d := distinct(4 * MinEntities)
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 1000 {
				d.Add(key(i%10), element((g+i)%20), time.Duration(i))
				d.Count(key(i%10), time.Duration(i))
			}
		})
	}
	group.Wait()
	for i := range 10 {
		assert.LessOrEqual(t, d.Count(key(i), 1000), 20.0)
		assert.Positive(t, d.Count(key(i), 1000))
	}
}
