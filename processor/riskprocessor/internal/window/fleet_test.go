// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// place is where the fleet keeps a number.
type place struct {
	number int
	key    uint64
	step   uint32
}

// redis adds up as the riskstate extension does, without a network.
type redis struct {
	sums     map[place]int64
	elements map[place]map[int64]bool
	away     bool
	least    int64 // what an offer's Local must be
}

func newRedis() *redis {
	return &redis{sums: map[place]int64{}, elements: map[place]map[int64]bool{}}
}

// exchange is one flush of one collector.
func (r *redis) exchange(table Table, m Moment) {
	_, distinct := table.(Distinct)
	var answers []Answer
	table.Offer(m, func(o *Offer) bool {
		if r.away || o.Local < r.least {
			return false
		}
		at := place{o.Number, o.Key, o.Step}
		a := Answer{Number: o.Number, Key: o.Key, Step: o.Step, Previous: -1}
		if distinct {
			if r.elements[at] == nil {
				r.elements[at] = map[int64]bool{}
			}
			r.elements[at][o.Value] = true
		} else {
			r.sums[at] += o.Value
			a.Total = r.sums[at]
			if o.First {
				a.Previous = r.sums[place{o.Number, o.Key, o.Step - 1}]
			}
		}
		answers = append(answers, a)
		return true
	})
	for i := range answers {
		if a := &answers[i]; distinct {
			now := r.elements[place{a.Number, a.Key, a.Step}]
			a.Total, a.Previous = int64(len(now)), 0
			for element := range r.elements[place{a.Number, a.Key, a.Step - 1}] {
				if !now[element] {
					a.Previous++
				}
			}
		}
		table.Merge(&answers[i])
	}
}

// TestAFleetCountsAsOneTable gives events to three tables by chance, with an outage on the way, and all of them to one.
func TestAFleetCountsAsOneTable(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	period := Sliding(minute)
	now := 90 * minute
	fleets := []*redis{newRedis(), newRedis(), newRedis()} // one for each table of a set
	away := false
	type set struct {
		c Counter
		s Sum
		r Ratio
	}
	makeSet := func() set { return set{NewCounter(0, 1), NewSum(0, 1), NewRatio(0, 1)} }
	one, parts := makeSet(), []set{makeSet(), makeSet(), makeSet()}
	flush := func(p set) {
		m := period.At(now)
		for i, table := range []Table{p.c, p.s, p.r} {
			fleets[i].away = away
			fleets[i].exchange(table, m)
		}
	}
	for range 5000 {
		now += time.Duration(random.IntN(100)) * time.Millisecond
		m, k := period.At(now), key(random.IntN(20))
		amount, matched := float64(random.IntN(1000))/8, random.IntN(3) == 0
		for _, p := range []set{one, parts[random.IntN(len(parts))]} {
			p.c.Add(k, m)
			p.s.Add(k, amount, m)
			p.r.Add(k, matched, m)
		}
		away = now > 92*minute && now < 92*minute+20*time.Second
		if random.IntN(10) == 0 {
			flush(parts[random.IntN(len(parts))])
		}
	}
	away = false
	for _, p := range parts { // everybody counts once more, and then learns what all have counted
		for k := range 20 {
			p.c.Add(key(k), period.At(now))
			p.s.Add(key(k), 1, period.At(now))
			p.r.Add(key(k), true, period.At(now))
			one.c.Add(key(k), period.At(now))
			one.s.Add(key(k), 1, period.At(now))
			one.r.Add(key(k), true, period.At(now))
		}
		flush(p)
	}
	last, m := parts[len(parts)-1], period.At(now)
	for i := range 20 {
		k := key(i)
		assert.InDelta(t, one.c.Count(k, m), last.c.Count(k, m), 1e-6, "events of %d", i)
		assert.InDelta(t, one.s.Sum(k, m), last.s.Sum(k, m), 0.01, "sum of %d", i)
		hits, all := one.r.Count(k, m)
		sharedHits, sharedAll := last.r.Count(k, m)
		assert.InDelta(t, hits, sharedHits, 1e-6, "matches of %d", i)
		assert.InDelta(t, all, sharedAll, 1e-6, "events of the ratio of %d", i)
	}
	n, _ := last.c.Add(key(0), m)
	assert.InDelta(t, one.c.Count(key(0), m)+1, n, 1e-6, "what the fleet has not heard yet counts here")
}

func TestAFleetCountsElementsOnce(t *testing.T) {
	period := Sliding(minute)
	now := 90 * minute
	fleet := newRedis()
	a, b := NewDistinct(0, 1), NewDistinct(0, 1)
	fleet.exchange(b, period.At(now)) // it is shared before it counts
	for i := range 20 {
		a.Add(key(1), element(i), period.At(now))
		b.Add(key(1), element(i+10), period.At(now))
	}
	fleet.exchange(a, period.At(now))
	fleet.exchange(b, period.At(now))
	n, _ := b.Add(key(1), element(10), period.At(now))
	assert.InDelta(t, 30, n, 0)
	fleet.exchange(b, period.At(now))
	assert.InDelta(t, 30, b.Count(key(1), period.At(now)), 0, "what comes again is not offered again")

	// Half a step later, in the next one: one has come again, one is new. Of the others half count.
	now += minute + minute/2
	m := period.At(now)
	b.Add(key(1), element(10), m)
	b.Add(key(1), element(99), m)
	fleet.exchange(b, m)
	assert.InDelta(t, 2+29.0/2, b.Count(key(1), m), 0)
}

func TestElementsOfTheEndOfAStepAreOffered(t *testing.T) {
	period := Sliding(minute)
	fleet := newRedis()
	a, b := NewDistinct(0, 1), NewDistinct(0, 1)
	fleet.exchange(a, period.At(90*minute))
	for i := range 5 {
		a.Add(key(1), element(i), period.At(91*minute-time.Second))
	}
	next := period.At(91 * minute)
	fleet.exchange(a, next)
	b.Add(key(1), element(7), next)
	fleet.exchange(b, next)
	assert.InDelta(t, 6, b.Count(key(1), next), 0)
}

func TestRareKeysStayHere(t *testing.T) {
	m := Sliding(minute).At(90 * minute)
	fleet := newRedis()
	fleet.least = 3
	a, b := NewCounter(0, 1), NewCounter(0, 1)
	for range 2 {
		a.Add(key(1), m)
	}
	fleet.exchange(a, m)
	assert.Empty(t, fleet.sums)
	a.Add(key(1), m)
	fleet.exchange(a, m)
	for range 3 {
		b.Add(key(1), m)
	}
	fleet.exchange(b, m)
	assert.InDelta(t, 6, b.Count(key(1), m), 0, "what was rare is offered as a whole")
}

func TestWhatTheFleetKnowsSurvivesARestart(t *testing.T) {
	m := Sliding(minute).At(90 * minute)
	fleet := newRedis()
	before, after := NewCounter(0, 1), NewCounter(0, 1)
	for range 5 {
		before.Add(key(1), m)
	}
	fleet.exchange(before, m)
	before.Add(key(1), m) // not published
	var b bytes.Buffer
	require.NoError(t, before.Snapshot(&b, m))
	require.NoError(t, after.Restore(&b, m))
	fleet.exchange(after, m)
	after.Add(key(1), m)
	fleet.exchange(after, m)
	assert.InDelta(t, 7, after.Count(key(1), m), 0)
	assert.Equal(t, map[place]int64{{0, key(1), m.step}: 7}, fleet.sums, "published once")
}

// A snapshot that a process was killed after lacks what the fleet was told since. To tell it again would be too much.
func TestWhatIsForfeitedIsNotOffered(t *testing.T) {
	m := Sliding(minute).At(90 * minute)
	counter, sum, ratio, distinct := NewCounter(0, 1), NewSum(0, 1), NewRatio(0, 1), NewDistinct(0, 1)
	count := func() {
		counter.Add(7, m)
		sum.Add(7, 2.5, m)
		ratio.Add(7, true, m)
		distinct.Add(7, 1<<40, m)
	}
	count()
	count()
	type expected struct {
		table Table
		want  []int64
	}
	all := map[string]expected{
		"counter": {counter, []int64{1}}, "sum": {sum, []int64{2500}}, "ratio": {ratio, []int64{1, 1}},
		"distinct": {distinct, []int64{1 << 8}}, // which no fleet counts twice
	}
	for _, test := range all {
		test.table.Forfeit(m)
	}
	counter.Offer(m, func(o *Offer) bool {
		t.Errorf("offered %+v", *o)
		return false
	})
	count()
	for name, test := range all {
		var values []int64
		test.table.Offer(m, func(o *Offer) bool {
			assert.True(t, o.First, "%s: who was told nothing yet sets when the fleet's number expires", name)
			values = append(values, o.Value)
			return true
		})
		assert.Equal(t, test.want, values, name)
	}
	assert.InDelta(t, 3.0, counter.Count(7, m), 0, "here it counts")
}

func TestARedisThatForgetsTakesNothingAway(t *testing.T) {
	m := Sliding(minute).At(90 * minute)
	c := NewCounter(0, 1)
	for range 5 {
		c.Add(key(1), m)
	}
	newRedis().exchange(c, m)
	c.Add(key(1), m)
	newRedis().exchange(c, m)
	assert.InDelta(t, 6, c.Count(key(1), m), 0)
}

func TestAnEvictedKeyTakesNothingWithIt(t *testing.T) {
	m := Sliding(minute).At(90 * minute)
	c, fleet := NewCounter(MinEntities, 1), newRedis()
	for i := range 20 * MinEntities { // every bucket is full
		c.Add(key(i), m)
	}
	fleet.exchange(c, m)
	for i := 20 * MinEntities; i < 20*MinEntities+50; i++ { // and these make room
		for range 40 {
			c.Add(key(i), m)
		}
	}
	fleet.exchange(c, m)
	for i := 20 * MinEntities; i < 20*MinEntities+50; i++ {
		assert.Equal(t, int64(c.Count(key(i), m)), fleet.sums[place{0, key(i), m.step}])
	}
}

// TestCountingGoesOnWhileOffering is for the race detector, and for what it cannot see: nothing is lost or taken twice.
func TestCountingGoesOnWhileOffering(t *testing.T) {
	m := Sliding(minute).At(90 * minute)
	c, fleet := NewCounter(0, 1), newRedis()
	var counting sync.WaitGroup
	for range 4 {
		counting.Go(func() {
			for i := range 4000 {
				c.Add(key(i%100), m)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		counting.Wait()
		close(done)
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		fleet.exchange(c, m)
	}
	fleet.exchange(c, m)
	for i := range 100 {
		assert.EqualValues(t, 160, fleet.sums[place{0, key(i), m.step}])
		assert.InDelta(t, 160, c.Count(key(i), m), 0)
	}
}
