// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// publish offers what the store has counted, and returns it by feature; with take it is taken, and becomes the total.
func publish(store *Store, take bool) map[uint64]Delta {
	offered := map[uint64]Delta{}
	store.Deltas(func(d *Delta) bool {
		offered[d.Feature] = *d
		return take
	})
	return offered
}

func TestStoresAddUp(t *testing.T) {
	a, b := newStore(), newStore()
	use(t, a, "other", Count) // places of tables differ
	for range 3 {
		use(t, a, "x", Count)
	}
	use(t, b, "x", Count)
	assert.Len(t, publish(a, false), 2, "what is not taken is offered again")
	ours, theirs := publish(a, true)[fleetID("x", 0)], publish(b, true)[fleetID("x", 0)]
	assert.Empty(t, publish(a, true))
	want := Delta{
		Kind: kindAdd, First: true, Feature: fleetID("x", 0), Key: theirs.Key, Step: int64(storeTime/time.Minute) + 1,
		Expiry: 2 * time.Minute, Value: 3, Local: 3,
	}
	assert.Equal(t, want, ours)
	b.Merge(&Total{Kind: kindAdd, Feature: ours.Feature, Key: ours.Key, Step: ours.Step, Total: 4, Previous: 10})
	b.Merge(&Total{Kind: kindAdd, Feature: 99, Key: ours.Key, Step: ours.Step, Total: 4}) // of rules that are gone
	_, n := use(t, b, "x", Count)
	assert.InDelta(t, 3+2+10, n, 1e-9, "others, own, and the step before")

	b.Rekey(9)
	b.Merge(&Total{Kind: kindAdd, Feature: ours.Feature, Key: ours.Key, Step: ours.Step, Total: 40})
	_, n = use(t, b, "x", Count)
	assert.InDelta(t, 1, n, 0, "with another seed all begins anew")
}

func TestBothNumbersOfARatioAreOffered(t *testing.T) {
	store := newStore()
	use(t, store, "r", Ratio)
	offered := publish(store, true)
	assert.EqualValues(t, 1, offered[fleetID("r", 0)].Value)
	assert.NotContains(t, offered, fleetID("r", 1), "nothing matched")
	use(t, store, "first", FirstSeen)
	assert.Empty(t, publish(store, true), "an age is nothing to add up")
}
