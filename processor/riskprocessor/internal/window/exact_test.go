// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// event is what the oracles of the tests keep for ever.
type event struct {
	at      time.Duration
	amount  float64
	matched bool
}

// exactly adds up the events in the two steps that a window looks at, as the documentation of Counter says.
func exactly(events []event, length, now time.Duration, of func(event) float64) (sum float64) {
	step := now / length
	elapsed := float64(now-step*length) / float64(length)
	for _, e := range events {
		switch e.at / length {
		case step:
			sum += of(e)
		case step - 1:
			sum += of(e) * (1 - elapsed)
		}
	}
	return sum
}

// TestSumAndRatioAgainstAllEvents holds both against a list of all events of each key, on an uneven clock.
func TestSumAndRatioAgainstAllEvents(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	sums, ratios, period := NewSum(MinEntities, 1), NewRatio(MinEntities, 1), Sliding(minute)
	const keys = 20
	var events [keys][]event
	now := 30 * minute
	for range 5000 {
		now += time.Duration(random.ExpFloat64() * float64(200*time.Millisecond))
		if random.IntN(500) == 0 {
			now += time.Duration(random.IntN(4)) * minute // a pause
		}
		k := random.IntN(keys)
		e := event{at: now, amount: math.Round(random.NormFloat64()*1000) / 4, matched: random.IntN(3) == 0}
		events[k] = append(events[k], e)
		m := period.At(now)

		sum, outcome := sums.Add(key(k), e.amount, m)
		require.Equal(t, Stored, outcome)
		require.InDelta(t, exactly(events[k], minute, now, func(e event) float64 { return e.amount }), sum, 1e-6)
		hits, all, outcome := ratios.Add(key(k), e.matched, m)
		require.Equal(t, Stored, outcome)
		require.InDelta(t, exactly(events[k], minute, now, func(event) float64 { return 1 }), all, 1e-6)
		require.InDelta(t, exactly(events[k], minute, now, func(e event) float64 {
			if e.matched {
				return 1
			}
			return 0
		}), hits, 1e-6)

		other := random.IntN(keys) // looking changes nothing
		require.InDelta(t, exactly(events[other], minute, now, func(e event) float64 { return e.amount }), sums.Sum(key(other), m), 1e-6)
		gotHits, gotAll := ratios.Count(key(k), m)
		require.InDelta(t, hits, gotHits, 0)
		require.InDelta(t, all, gotAll, 0)
	}
}

func TestSumOfUnknownAndRefusedKeys(t *testing.T) {
	sums, ratios, ages := NewSum(MinEntities, 1), NewRatio(MinEntities, 1), NewAge(MinEntities, 1)
	m := Sliding(minute).At(0)
	assert.Zero(t, sums.Sum(1, m))
	for i, refused := 0, 0; refused < 3; i++ {
		require.Less(t, i, 100*MinEntities)
		sum, outcome := sums.Add(key(i), 2.5, m)
		require.InDelta(t, 2.5, sum, 0)
		if outcome == Refused {
			refused++
		}
		hits, all, _ := ratios.Add(key(i), true, m)
		require.InDelta(t, 1.0, hits, 0)
		require.InDelta(t, 1.0, all, 0)
		age, _ := ages.See(key(i), m)
		require.InDelta(t, 0.0, age, 0)
	}
}

// TestAgeAgainstAllSightings holds ages against a map of when each key was seen.
func TestAgeAgainstAllSightings(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 14))
	ages, period := NewAge(MinEntities, 1), Sliding(minute)
	type sightings struct{ first, last int64 }
	seen := map[int]sightings{}
	now := 20 * time.Hour
	for range 20_000 {
		now += time.Duration(random.IntN(3000)) * time.Millisecond
		k := int(random.ExpFloat64() * 30)
		second := int64(now / time.Second)
		s, known := seen[k]
		if !known || second-s.last >= 60 {
			s.first = second
		}
		age, live := ages.Seen(key(k), period.At(now))
		require.Equal(t, known && second-s.last < 60, live)
		if live {
			require.InDelta(t, float64(second-s.first), age, 0)
		}
		age, outcome := ages.See(key(k), period.At(now))
		require.Equal(t, Stored, outcome)
		require.InDelta(t, float64(second-s.first), age, 0)
		s.last = second
		seen[k] = s
	}
}

// TestNoteReplacesTheOldest: a full bucket forgets what was noted longest ago, in the same second, too, and says so unless its
// time is over anyway.
func TestNoteReplacesTheOldest(t *testing.T) {
	const same = uint64(1) << 40 // all keys in bucket 0 of stripe 0
	ages, at := NewAge(MinEntities, 1), Sliding(minute).At(time.Hour)
	for i := range uint64(ways) {
		require.Equal(t, Stored, ages.Note((i+1)*same, at))
	}
	require.Equal(t, Stored, ages.Note(1*same, at), "known")
	for i := range uint64(4) {
		require.Equal(t, Evicted, ages.Note((ways+1+i)*same, at))
	}
	for i, known := range []bool{true, false, false, false, false, true, true, true, true, true, true, true} {
		require.Equal(t, known, ages.Touch(uint64(i+1)*same) != 0, "key %d", i+1)
	}
	require.Equal(t, Stored, ages.Note(100*same, Sliding(minute).At(time.Hour+minute)))
}

// TestCalendarDay: a day begins at midnight of its zone, on days of 23 and 25 hours, too, and has no part in the day before.
func TestCalendarDay(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	period := Day(berlin)
	for _, day := range []time.Time{
		time.Date(2026, 3, 28, 0, 0, 0, 0, berlin), // the next one has 23 hours
		time.Date(2026, 3, 29, 0, 0, 0, 0, berlin),
		time.Date(2026, 10, 25, 0, 0, 0, 0, berlin), // has 25
		time.Date(2026, 12, 31, 0, 0, 0, 0, berlin),
	} {
		next := day.AddDate(0, 0, 1)
		c, d, s := NewCounter(MinEntities, 1), NewDistinct(MinEntities, 1), NewSum(MinEntities, 1)
		at := func(when time.Time) Moment { return period.At(time.Duration(when.UnixNano())) }
		for i := range 100 {
			c.Add(1, at(day))
			d.Add(1, element(i%5), at(day))
			s.Add(1, 2, at(day))
		}
		last := at(next.Add(-time.Nanosecond))
		assert.InDelta(t, 100.0, c.Count(1, last), 0, "until midnight of %v", day)
		assert.InDelta(t, 5.0, d.Count(1, last), 0)
		assert.InDelta(t, 200.0, s.Sum(1, last), 0)
		assert.Zero(t, c.Count(1, at(next)), "from midnight of %v", day)
		assert.Zero(t, d.Count(1, at(next)))
		assert.Zero(t, s.Sum(1, at(next)))
		n, _ := c.Add(1, at(next))
		assert.InDelta(t, 1.0, n, 0)
	}
}

// TestTicksWrapAround: ticks of short windows are more than 32 bits since 1970.
func TestTicksWrapAround(t *testing.T) {
	period := Sliding(time.Second)
	d := NewDistinct(MinEntities, 1)
	wrap := time.Duration(1) << 32 / resolution * time.Second
	for now := wrap - 3*time.Second; now < wrap+3*time.Second; now += time.Second / resolution {
		n, _ := d.Add(1, element(int(now/(time.Second/resolution))%4), period.At(now))
		require.InDelta(t, 4.0, n, 3)
		require.Positive(t, d.Count(1, period.At(now)))
	}
	assert.InDelta(t, 4.0, d.Count(1, period.At(wrap+3*time.Second)), 0)
}
