// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import "time"

// Delta and Total are those of the extension's contract, which documents them; the compiler holds the two together.
type (
	// Delta is what one collector adds to a number of the fleet.
	Delta = struct {
		Kind    uint8
		First   bool
		Feature uint64
		Key     uint64
		Step    int64
		Expiry  time.Duration
		Value   int64
		Local   int64
	}
	// Total is what the fleet has counted for one key and step.
	Total = struct {
		Kind     uint8
		Feature  uint64
		Key      uint64
		Step     int64
		Total    int64
		Previous int64
	}
)

// Kinds of deltas.
const (
	KindAdd      uint8 = 1
	KindDistinct uint8 = 2
)

// Value is a shared value that takes part in the fleet. All methods are called by one goroutine.
type Value interface {
	Deltas(take func(*Delta) bool)
	Merge(total *Total)
}
