// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const minute = time.Minute

// key makes well-spread keys, as a seeded hash does.
func key(n int) uint64 { return mix(uint64(n) + 1<<40) }

func TestCounterCounts(t *testing.T) {
	for name, test := range map[string]struct {
		events []time.Duration
		at     time.Duration
		want   float64
	}{
		"an unknown key has no events":                      {at: minute},
		"events of the current step count in full":          {events: []time.Duration{1, 2, 3}, at: minute / 2, want: 3},
		"events of the previous step fade":                  {events: []time.Duration{1, 2, 3, 4}, at: minute + minute/4, want: 3},
		"at the end of the next step nothing is left":       {events: []time.Duration{1, 2, 3, 4}, at: 2*minute - minute/4, want: 1},
		"two steps later the key is forgotten":              {events: []time.Duration{1, 2, 3, 4}, at: 2 * minute},
		"both steps add up":                                 {events: []time.Duration{1, 2, minute, minute + 1}, at: minute + minute/2, want: 3},
		"a key that comes back after a pause starts at one": {events: []time.Duration{1, 2, 3, 10 * minute}, at: 10 * minute, want: 1},
		"an event that is a little late still counts":       {events: []time.Duration{minute, minute - 1}, at: minute, want: 2},
	} {
		t.Run(name, func(t *testing.T) {
			c := counter(MinEntities)
			for _, at := range test.events {
				_, outcome := c.Add(7, at)
				require.Equal(t, Stored, outcome)
			}
			assert.InDelta(t, test.want, c.Count(7, test.at), 1e-6)
		})
	}
}

func TestCounterAddReturnsTheCountWithTheNewEvent(t *testing.T) {
	c := counter(MinEntities)
	for i := 1; i <= 10; i++ {
		n, _ := c.Add(1, time.Duration(i))
		assert.InDelta(t, float64(i), n, 0)
	}
}

func TestCounterCountDoesNotChangeTheCell(t *testing.T) {
	c := counter(MinEntities)
	c.Add(1, 0)
	assert.Zero(t, c.Count(1, 3*minute), "a look far ahead")
	assert.InDelta(t, 1.0, c.Count(1, 1), 1e-6, "does not move the cell on")
}

func TestCounterKeyZeroIsAKeyLikeAnyOther(t *testing.T) {
	c := counter(MinEntities)
	assert.Zero(t, c.Count(0, 0))
	n, outcome := c.Add(0, 0)
	assert.Equal(t, Stored, outcome)
	assert.InDelta(t, 1.0, n, 0)
	n, _ = c.Add(0, 0)
	assert.InDelta(t, 2.0, n, 0)
}

func TestCounterDoesNotWrapAround(t *testing.T) {
	c := counter(MinEntities)
	c.Add(1, 0)
	s, b := c.locate(1)
	c.find(b, 1).current = ^uint32(0)
	s.mu.Unlock()
	n, _ := c.Add(1, 0)
	assert.InDelta(t, float64(^uint32(0)), n, 0)
	assert.Equal(t, ^uint32(0), (&steps{step: 1, current: ^uint32(0), previous: 9}).load(Moment{step: 1}))
}

// TestCounterAgainstExactWindow holds the counter against a list of all events: over steady traffic the two must agree
// up to the noise of the traffic itself.
func TestCounterAgainstExactWindow(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	c := counter(MinEntities)
	var events []time.Duration
	now := time.Duration(0)
	for range 20_000 {
		now += time.Duration(random.ExpFloat64() * float64(minute) / 400) // 400 a window on the average
		events = append(events, now)
		n, _ := c.Add(5, now)
		if now < 2*minute {
			continue
		}
		exact := 0
		for i := len(events) - 1; i >= 0 && events[i] > now-minute; i-- {
			exact++
		}
		require.InDelta(t, float64(exact), n, 100, "at %v", now) // five standard deviations
	}
}

func TestCounterNeverCountsMoreThanBothSteps(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	c := counter(MinEntities)
	total := map[int]float64{}
	now := time.Duration(0)
	for range 50_000 { // thirty times more keys than cells, so that cells change hands all the time
		now += time.Duration(random.IntN(1000)) * time.Microsecond
		k := random.IntN(32 * MinEntities)
		total[k]++
		n, _ := c.Add(key(k), now)
		require.LessOrEqual(t, n, total[k], "an estimate never contains events of another key")
		require.GreaterOrEqual(t, n, 1.0)
	}
}

func TestCounterSizes(t *testing.T) {
	for entities, want := range map[int]int{0: 1024, 1024: 1024, 1025: 2048, 65_536: 65_536, 65_537: 131_072, 100_000: 131_072} {
		assert.Equal(t, want, counter(entities).Capacity(), "%d entities", entities)
	}
	assert.EqualValues(t, CounterBytes*ways, unsafe.Sizeof(bucket[steps]{})+4*ways, "memory is what the documentation says")
	assert.EqualValues(t, 128, unsafe.Sizeof(stripe[steps]{}), "locks do not share a cache line")
}

// TestFloodOfKeys sends two hundred times more keys than there are cells past keys that have traffic: the table must not
// grow, all keys with traffic must keep their counts, and everything not stored must be reported.
func TestFloodOfKeys(t *testing.T) {
	const regulars = 300
	c := counter(MinEntities)
	capacity := c.Capacity()
	for i := range regulars {
		for range 20 {
			c.Add(key(i), 0)
		}
	}
	outcomes := map[Outcome]int{}
	const flood = 200 * MinEntities
	for i := range flood {
		_, outcome := c.Add(key(1_000_000+i), 1)
		outcomes[outcome]++
	}
	kept := 0
	for i := range regulars {
		if n := c.Count(key(i), 2); n > 0 {
			assert.InDelta(t, 20.0, n, 0.01)
			kept++
		}
	}
	assert.Equal(t, regulars, kept)
	assert.Equal(t, capacity, c.Capacity())
	assert.Equal(t, flood, outcomes[Stored]+outcomes[Evicted]+outcomes[Refused])
	assert.LessOrEqual(t, outcomes[Stored], capacity-regulars)
	assert.Less(t, outcomes[Evicted], flood/1000, "a key seen once does not give way to another one")
}

func TestRefusedUpdateIsOneEvent(t *testing.T) {
	c := counter(MinEntities)
	for i := 0; ; i++ {
		require.Less(t, i, 1_000_000, "no update was refused")
		n, outcome := c.Add(key(i), 0)
		require.InDelta(t, 1.0, n, 0)
		if outcome == Refused {
			assert.Zero(t, c.Count(key(i), 0))
			return
		}
	}
}

func TestExpiredCellsAreFree(t *testing.T) {
	c := counter(MinEntities)
	for i := range 10_000 {
		c.Add(key(i), 0)
	}
	for i := range 500 {
		_, outcome := c.Add(key(50_000+i), 5*minute)
		if outcome != Stored {
			n := 0 // a bucket can overflow by chance, but only with keys that are live now
			for j := range i {
				if key(50_000+j)>>58 == key(50_000+i)>>58 {
					n++
				}
			}
			require.GreaterOrEqual(t, n, ways)
		}
	}
}

func TestCounterConcurrently(t *testing.T) {
	c := counter(4 * MinEntities)
	const goroutines, rounds, keys = 8, 2000, 16
	var group sync.WaitGroup
	for range goroutines {
		group.Go(func() {
			for i := range rounds {
				c.Add(key(i%keys), time.Duration(i))
				c.Count(key(i%keys), time.Duration(i))
			}
		})
	}
	group.Wait()
	sum := 0.0
	for i := range keys {
		sum += c.Count(key(i), rounds)
	}
	assert.InDelta(t, goroutines*rounds, sum, 0.5, "no update is lost")
}
