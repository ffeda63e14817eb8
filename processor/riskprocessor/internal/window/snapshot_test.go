// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// filled returns a table of each sort with the same few thousand events, and an empty one of the same size.
func filled(entities int, m Moment) map[string][2]Table {
	random := rand.New(rand.NewPCG(15, 16))
	c, s, r, d, a := NewCounter(entities, 1), NewSum(entities, 1), NewRatio(entities, 1), NewDistinct(entities, 1), NewAge(entities, 1)
	for range 5000 {
		k := key(random.IntN(500))
		c.Add(k, m)
		s.Add(k, random.NormFloat64(), m)
		r.Add(k, random.IntN(2) == 0, m)
		d.Add(k, random.Uint64(), m)
		a.See(k, m)
	}
	return map[string][2]Table{
		"counter":  {c, NewCounter(entities, 2)},
		"sum":      {s, NewSum(entities, 2)},
		"ratio":    {r, NewRatio(entities, 2)},
		"distinct": {d, NewDistinct(entities, 2)},
		"age":      {a, NewAge(entities, 2)},
	}
}

func TestSnapshotHoldsWhatIsLive(t *testing.T) {
	period := Sliding(minute)
	now := 90 * minute
	for name, tables := range filled(4*MinEntities, period.At(now)) {
		t.Run(name, func(t *testing.T) {
			var written, again, expired bytes.Buffer
			m := period.At(now + time.Second)
			require.NoError(t, tables[0].Snapshot(&written, m))
			written.WriteString("what follows")
			require.NoError(t, tables[1].Restore(&written, m))
			assert.Equal(t, "what follows", written.String(), "nothing beyond is read")
			require.NoError(t, tables[0].Snapshot(&written, m))
			require.NoError(t, tables[1].Snapshot(&again, m))
			assert.Equal(t, written.Len(), again.Len()+len("what follows"))
			require.NoError(t, tables[0].Snapshot(&expired, period.At(now+3*minute)))
			assert.Equal(t, []byte{0}, expired.Bytes(), "what has expired is left out")
		})
	}
}

func TestRestoredTablesGoOnCounting(t *testing.T) {
	m := Sliding(minute).At(90 * minute)
	before, after := NewCounter(MinEntities, 1), NewCounter(8*MinEntities, 2) // larger after the restart
	for i := range 200 {
		for range i + 1 {
			before.Add(key(i), m)
		}
	}
	var b bytes.Buffer
	require.NoError(t, before.Snapshot(&b, m))
	after.Add(key(3), m) // known already: it is kept
	require.NoError(t, after.Restore(&b, m))
	for i := range 200 {
		n, _ := after.Add(key(i), m)
		if i == 3 {
			assert.InDelta(t, 2.0, n, 0)
		} else {
			assert.InDelta(t, float64(i+2), n, 0)
		}
	}
}

func TestRestoreIntoASmallTableKeepsTheBusiest(t *testing.T) {
	m := Sliding(minute).At(90 * minute)
	before, after := NewCounter(16*MinEntities, 1), NewCounter(MinEntities, 2)
	for i := range 4000 {
		for range 1 + i/3900*20 {
			before.Add(key(i), m)
		}
	}
	var b bytes.Buffer
	require.NoError(t, before.Snapshot(&b, m))
	require.NoError(t, after.Restore(&b, m))
	for i := 3900; i < 4000; i++ {
		assert.InDelta(t, 21.0, after.Count(key(i), m), 0)
	}
}

// Two amounts that are finite can add up to one that is not. It must spoil neither the next day nor the next start.
func TestSumsStayFinite(t *testing.T) {
	day := Day(time.UTC)
	now := 90 * minute
	m := day.At(now)
	before, after := NewSum(MinEntities, 1), NewSum(MinEntities, 2)
	for i := range 200 {
		before.Add(key(i), float64(i), m)
	}
	for range 2 {
		before.Add(key(7), math.MaxFloat64, m)
		before.Add(key(8), -math.MaxFloat64, m)
	}
	assert.InDelta(t, math.MaxFloat64, before.Sum(key(7), m), 0)
	assert.InDelta(t, -math.MaxFloat64, before.Sum(key(8), m), 0)

	var b bytes.Buffer
	require.NoError(t, before.Snapshot(&b, m))
	require.NoError(t, after.Restore(&b, m))
	for i := range 200 {
		assert.InDelta(t, before.Sum(key(i), m), after.Sum(key(i), m), 0)
	}
	tomorrow := day.At(now + 24*time.Hour)
	sum, _ := before.Add(key(7), 3, tomorrow)
	assert.InDelta(t, 3.0, sum, 0)
}

func TestOneKeyThatCannotBeReadIsLeftOut(t *testing.T) {
	m := Sliding(minute).At(90 * minute)
	before, after := NewSum(MinEntities, 1), NewSum(MinEntities, 2)
	for i := range 200 {
		before.Add(key(i), float64(i), m)
	}
	for _, i := range []int{7, 8} {
		s, bucket := before.locate(key(i))
		before.find(bucket, key(i)).current = math.Inf(1)
		s.mu.Unlock()
	}
	var b bytes.Buffer
	require.NoError(t, before.Snapshot(&b, m))
	err := after.Restore(&b, m)
	require.ErrorIs(t, err, errNotFinite)
	require.ErrorContains(t, err, "2 keys are left out")
	for i := range 200 {
		want := float64(i)
		if i == 7 || i == 8 {
			want = 0
		}
		assert.InDelta(t, want, after.Sum(key(i), m), 0)
	}
}

func TestSnapshotReportsAFullDisk(t *testing.T) {
	m := Sliding(minute).At(90 * minute)
	full := errors.New("no space left")
	for name, tables := range filled(MinEntities, m) {
		r, w := io.Pipe()
		require.NoError(t, r.CloseWithError(full))
		require.ErrorIs(t, tables[0].Snapshot(w, m), full, name)
	}
}

// FuzzRestore: whatever the bytes are, restoring ends in an error or in a table that works and can be written again.
func FuzzRestore(f *testing.F) {
	period := Sliding(minute)
	now := 90 * minute
	for _, tables := range filled(MinEntities, period.At(now)) {
		var b bytes.Buffer
		if err := tables[0].Snapshot(&b, period.At(now)); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes()[:min(b.Len(), 2000)])
	}
	f.Add([]byte{0})
	f.Add([]byte{9, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		m := period.At(now)
		c, s, r, d, a := NewCounter(0, 1), NewSum(0, 1), NewRatio(0, 1), NewDistinct(0, 1), NewAge(0, 1)
		for _, table := range []Table{c, s, r, d, a} {
			in := bytes.NewReader(data)
			if err := table.Restore(in, m); err == nil {
				require.Zero(t, data[len(data)-in.Len()-1], "ends after the mark")
			}
			require.NoError(t, table.Snapshot(io.Discard, m))
		}
		for _, m := range []Moment{m, period.At(now + minute)} {
			for i := range 100 {
				n, _ := c.Add(key(i), m)
				require.GreaterOrEqual(t, n, 1.0)
				sum, _ := s.Add(key(i), 1, m)
				require.False(t, math.IsNaN(sum))
				hits, all, _ := r.Add(key(i), true, m)
				require.GreaterOrEqual(t, hits+all, 1.0)
				n, _ = d.Add(key(i), element(i), m)
				require.GreaterOrEqual(t, n, 1.0)
				n, _ = a.See(key(i), m)
				require.GreaterOrEqual(t, n, 0.0)
			}
		}
	})
}
