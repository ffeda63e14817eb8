// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/redistest"
)

func TestSumsOfAFleetAreAddedUp(t *testing.T) {
	redis := redistest.Start(t)
	a := join(t, settings(redis.Addr()), newCounter(KindAdd), 1)
	b := join(t, settings(redis.Addr()), newCounter(KindAdd), 2)
	for key := range uint64(500) {
		a.value.add(key, 3)
		b.value.add(key, 4)
	}
	eventually(t, "both know all totals, once they count again", func() bool {
		a.value.add(7, 1)
		b.value.add(7, 1)
		for key := range uint64(500) {
			if total := max(a.value.get(key).total, b.value.get(key).total); key != 7 && total != 7 {
				return false
			}
		}
		return true
	})
	eventually(t, "no longer degraded", func() bool { return !a.Degraded() && !b.Degraded() })

	// A later step sees the step before.
	next := newCounter(KindAdd)
	next.step++
	c := join(t, settings(redis.Addr()), next, 3)
	next.add(8, 2)
	eventually(t, "total and previous", func() bool { return next.get(8).total == 2 && next.get(8).previous == 7 })
	assert.EqualValues(t, 0, c.toldAll(t).Failed)
}

func TestElementsOfAFleetAreCountedOnce(t *testing.T) {
	redis := redistest.Start(t)
	a := join(t, settings(redis.Addr()), newCounter(KindDistinct), 1)
	b := join(t, settings(redis.Addr()), newCounter(KindDistinct), 1)
	for element := range int64(2000) {
		a.value.see(1, element)
		b.value.see(1, element+1000)
	}
	eventually(t, "3000 within 3 %", func() bool {
		total := max(a.value.get(1).total, b.value.get(1).total)
		return total > 2910 && total < 3090
	})

	// Of the step before, only elements that have not come again count.
	next := newCounter(KindDistinct)
	next.step++
	join(t, settings(redis.Addr()), next, 1)
	for element := range int64(10) {
		next.see(1, element)
	}
	eventually(t, "10 now, the others before", func() bool {
		cell := next.get(1)
		return cell.total == 10 && cell.previous > 2890 && cell.previous < 3090
	})
}

func TestKeysExpire(t *testing.T) {
	redis := redistest.Start(t)
	sums, elements := newCounter(KindAdd), newCounter(KindDistinct)
	sums.expiry, elements.expiry = 90*time.Minute, 90*time.Minute
	join(t, settings(redis.Addr()), sums, 1)
	join(t, settings(redis.Addr()), elements, 1)
	for range 3 {
		sums.add(1, 5)
		elements.see(1, 5)
	}
	eventually(t, "both are there", func() bool { return sums.get(1).total == 15 && elements.get(1).total == 1 })
	var name [64]byte
	for _, kind := range []uint8{KindAdd, KindDistinct} {
		lane := newLane("t", "", laneOf(feature, 1))
		key := string(appendKey(append(name[:0], lane.prefix...), kind, feature, 1)) + "1000"
		ttl := redis.Do("PTTL", key)
		assert.Regexp(t, `^:5[34]\d{5}$`, ttl, key)
	}
}

func TestRareKeysAreNotPublished(t *testing.T) {
	redis := redistest.Start(t)
	s := settings(redis.Addr())
	s.PublishMin = 3
	m := join(t, s, newCounter(KindAdd), 1)
	m.value.add(1, 2)
	m.value.add(2, 3)
	eventually(t, "the frequent key", func() bool { return m.value.get(2).total == 3 })
	assert.EqualValues(t, 0, m.value.get(1).merges)
	assert.EqualValues(t, 2, m.value.get(1).pending)
	m.value.add(1, 1)
	eventually(t, "the key that has become frequent", func() bool { return m.value.get(1).total == 3 })
	assert.Positive(t, m.toldAll(t).Rare)
}

func TestAFlushIsBounded(t *testing.T) {
	redis := redistest.Start(t)
	s := settings(redis.Addr())
	s.MaxKeys, s.BatchKeys = 100, 2
	m := join(t, s, newCounter(KindAdd), 1)
	for key := range uint64(1000) {
		m.value.add(key, 1)
	}
	eventually(t, "all keys, a hundred at a time", func() bool { return m.told().Confirmed == 1000 })
	assert.Positive(t, m.told().Full)
}

func TestCollectorsAgreeOnASeed(t *testing.T) {
	redis := redistest.Start(t)
	a := join(t, settings(redis.Addr()), newCounter(KindAdd), 0xaaaa)
	b := join(t, settings(redis.Addr()), newCounter(KindAdd), 0xbbbb)
	assert.Equal(t, []uint64{0xaaaa}, b.toldSeeds(), "known when Start returns")
	assert.Empty(t, a.toldSeeds())

	// A Redis that has forgotten all is told again, and nobody has to change.
	redis.Restart()
	eventually(t, "the seed is back", func() bool { return redis.Do("GET", "t{fleet}seed") == "aaaa" })
	assert.Equal(t, []uint64{0xaaaa}, b.toldSeeds())
}

func TestMembersAreCounted(t *testing.T) {
	redis := redistest.Start(t)
	a := join(t, settings(redis.Addr()), newCounter(KindAdd), 1)
	last := func() int {
		a.mu.Lock()
		defer a.mu.Unlock()
		if len(a.members) == 0 {
			return 1
		}
		return a.members[len(a.members)-1]
	}
	b := join(t, settings(redis.Addr()), newCounter(KindAdd), 1)
	eventually(t, "two", func() bool { return last() == 2 })
	b.leaveFleet(t)
	eventually(t, "one, after the other said goodbye", func() bool { return last() == 1 })

	redis.Do("ZADD", "t{fleet}members", "1", "somebody who was killed long ago")
	redis.Do("ZADD", "t{fleet}members", "99999999999999", "somebody alive")
	eventually(t, "two again", func() bool { return last() == 2 })
}

func TestWithoutRedisNothingIsTaken(t *testing.T) {
	redis := redistest.Start(t)
	redis.Kill()
	m := join(t, settings(redis.Addr()), newCounter(KindAdd), 1)
	assert.True(t, m.Degraded())
	m.value.add(1, 5)
	eventually(t, "a try", func() bool {
		faults, _ := m.faultsAndHealings()
		return faults > 0
	})
	assert.EqualValues(t, 0, m.value.get(1).rejected)
	redis.Restart()
	eventually(t, "it is there at last", func() bool { return m.value.get(1).total == 5 && !m.Degraded() })
	faults, healed := m.faultsAndHealings() // told before it says that it is not degraded any more
	assert.Equal(t, 1, faults)
	assert.Equal(t, 1, healed)
}

func TestStopFlushesAndCleansUp(t *testing.T) {
	redis := redistest.Start(t)
	s := settings(redis.Addr())
	s.FlushInterval = time.Hour // so that only Stop flushes
	m := join(t, s, newCounter(KindAdd), 1)
	m.value.add(1, 5)
	require.EqualValues(t, 0, m.leaveFleet(t))
	assert.EqualValues(t, 5, m.value.get(1).total)
	assert.Equal(t, ":2", redis.Do("DBSIZE"), "the key and the seed")
}

func TestLanesSpreadOverSlotsAndKeysOverLanes(t *testing.T) {
	var keys [lanes]int
	for key := range uint64(lanes * 1000) {
		keys[laneOf(feature, key)]++
	}
	slices.Sort(keys[:])
	assert.Greater(t, keys[0], 800)
	assert.Less(t, keys[lanes-1], 1200)
}
