// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/window"
)

const storeTime = 1000 * time.Hour

func newStore() *Store { return NewStore(1, func() time.Duration { return storeTime }) }

// use counts a record of "a" in a feature with the given id, and returns what the feature says.
func use(t *testing.T, store *Store, id string, typ Type) (*Engine, float64) {
	t.Helper()
	r := NewReader(store.Seed())
	e := NewEngine(r, store)
	e.Add(&Spec{ID: id, Type: typ, OfEntity: -1, OfSlot: -1, Entity: r.AddEntity(&Identity{Sources: []Source{{Key: "ip"}}}), Period: window.Sliding(time.Minute)})
	v := e.NewVector()
	read(t, r, v, ptrace.SpanKindServer, nil, map[string]any{"ip": "a"})
	v.Counted[0] = true
	e.Observe([]*Vector{v}, storeTime)
	return e, v.Features[0].Double
}

func TestStoreKeepsTablesByWhatTheyCount(t *testing.T) {
	store := newStore()
	first, n := use(t, store, "x", Count)
	assert.InDelta(t, 1.0, n, 0)
	second, n := use(t, store, "x", Count)
	assert.InDelta(t, 2.0, n, 0, "another engine goes on")
	_, n = use(t, store, "y", Count)
	assert.InDelta(t, 1.0, n, 0, "what counts something else begins anew")
	first.Close()
	third, n := use(t, store, "x", Count)
	assert.InDelta(t, 3.0, n, 0, "as long as one has it open, it stays")
	second.Close()
	third.Close()
	_, n = use(t, store, "x", Count)
	assert.InDelta(t, 1.0, n, 0, "and is forgotten when all are closed")
}

func TestStoreRekeyed(t *testing.T) {
	store := newStore()
	use(t, store, "x", Count)
	told := 0
	stop := store.Watch(func() { told++ })
	store.Rekey(7)
	assert.Equal(t, uint64(7), store.Seed())
	assert.Equal(t, 1, told)
	_, n := use(t, store, "x", Count)
	assert.InDelta(t, 1.0, n, 0, "what was counted is forgotten")
	stop()
	store.Rekey(8)
	assert.Equal(t, 1, told)
}

// Who watches opens its tables anew and then closes what it had open: two engines here, as two pipelines have.
func TestTablesOpenedWhenRekeyedStay(t *testing.T) {
	store := newStore()
	var engines [2]*Engine
	for i := range engines {
		engines[i], _ = use(t, store, "x", Count)
		t.Cleanup(store.Watch(func() {
			before := engines[i]
			engines[i], _ = use(t, store, "x", Count)
			before.Close()
		}))
	}
	store.Rekey(7)
	_, n := use(t, store, "x", Count)
	assert.InDelta(t, 3.0, n, 0, "all count together")
	offered := map[uint64]int64{}
	var total Total
	store.Deltas(func(d *Delta) bool {
		offered[d.Key] += d.Value
		total = Total{Kind: d.Kind, Feature: d.Feature, Key: d.Key, Step: d.Step, Total: 10, Previous: -1}
		return true
	})
	require.Len(t, offered, 1)
	for _, value := range offered {
		assert.EqualValues(t, 3, value, "the fleet is told")
	}
	store.Merge(&total)
	_, n = use(t, store, "x", Count)
	assert.InDelta(t, 11.0, n, 0, "and what others counted is heard")

	after := NewStore(7, store.now)
	require.NoError(t, after.Restore(bytes.NewReader(snapshotOf(t, store))))
	_, n = use(t, after, "x", Count)
	assert.InDelta(t, 5.0, n, 0, "a snapshot has it")
}

func snapshotOf(t *testing.T, store *Store) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, store.Snapshot(&b))
	return b.Bytes()
}

func TestStoreSurvivesARestart(t *testing.T) {
	before := newStore()
	for range 3 {
		use(t, before, "count", Count)
		use(t, before, "age", FirstSeen)
	}
	snapshot := snapshotOf(t, before)

	after := newStore()
	use(t, after, "age", FirstSeen) // open already
	require.NoError(t, after.Restore(bytes.NewReader(snapshot)))
	_, n := use(t, after, "count", Count)
	assert.InDelta(t, 4.0, n, 0)
	_, n = use(t, after, "other", Count)
	assert.InDelta(t, 1.0, n, 0)

	after = newStore()
	require.NoError(t, after.Restore(bytes.NewReader(snapshot)))
	_, n = use(t, after, "count", Distinct)
	assert.Zero(t, n, "another type counts something else, whatever its name")
	assert.Less(t, len(snapshotOf(t, after)), len(snapshot), "what nobody asked for is not kept for ever")
}

func TestWhatMayHaveBeenPublishedIsNotPublishedAgain(t *testing.T) {
	before := newStore()
	for range 3 {
		use(t, before, "count", Count)
	}
	after := newStore()
	require.NoError(t, after.Restore(bytes.NewReader(snapshotOf(t, before))))
	after.Forfeit()
	_, n := use(t, after, "count", Count)
	assert.InDelta(t, 4.0, n, 0, "it counts here")
	after.Deltas(func(d *Delta) bool {
		assert.EqualValues(t, 1, d.Value)
		assert.EqualValues(t, 4, d.Local, "so that a rare key is none")
		return true
	})
}

func TestRestoreRefuses(t *testing.T) {
	store := newStore()
	use(t, store, "count", Count)
	good := snapshotOf(t, store)
	newer, flipped := slices.Clone(good), slices.Clone(good)
	binary.LittleEndian.PutUint32(newer[8:], 9)
	flipped[len(flipped)-12] ^= 1
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":         {nil, "is no snapshot of features"},
		"something else":  {[]byte("something else altogether"), "is no snapshot of features"},
		"a newer version": {newer, "has version 9, only 2 can be read"},
		"half of one":     {good[:len(good)/2], "damaged"},
		"one bit wrong":   {flipped, "damaged"},
		"a long id":       {append(slices.Clone(good[:12]), 0xff, 0xff, 0xff, 0xff), "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			after := newStore()
			require.ErrorContains(t, after.Restore(bytes.NewReader(test.data)), test.want)
			_, n := use(t, after, "count", Count)
			assert.InDelta(t, 1.0, n, 0, "nothing is changed")
		})
	}
}

func TestSnapshotReportsWhatCannotBeWritten(t *testing.T) {
	store := newStore()
	use(t, store, "count", Count)
	full := errors.New("no space left")
	r, w := io.Pipe()
	require.NoError(t, r.CloseWithError(full))
	require.ErrorIs(t, store.Snapshot(w), full)
}

// FuzzRestore: whatever the bytes are, a restored store works, and its snapshot can be read again.
func FuzzRestore(f *testing.F) {
	var good bytes.Buffer
	store := newStore()
	e := NewEngine(NewReader(1), store)
	for i, typ := range []Type{Count, Distinct} {
		e.Add(&Spec{ID: []string{"x", "y"}[i], Type: typ, OfEntity: -1, OfSlot: -1, Period: window.Sliding(time.Minute)})
	}
	if err := store.Snapshot(&good); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	f.Add([]byte(snapshotMark + "\x01\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		store := newStore()
		restored := store.Restore(bytes.NewReader(data))
		_, n := use(t, store, "x", Count)
		require.GreaterOrEqual(t, n, 1.0)
		if restored != nil {
			require.InDelta(t, 1.0, n, 0)
		}
		require.NoError(t, newStore().Restore(bytes.NewReader(snapshotOf(t, store))))
	})
}
