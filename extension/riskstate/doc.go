// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool -modfile=../../tools/go.mod mdatagen metadata.yaml

// Package riskstate keeps the state that risk is scored with: shared by pipelines, kept over restarts, and, through
// Redis or Valkey, the same for a fleet of collectors. It also answers questions for a score from outside.
//
// # Contract with processors
//
// A processor finds the extension by its component ID in host.GetExtensions() and asks it for methods, not for a type:
// components of this repository do not import each other. Everything below is made of types of the standard library
// and of unnamed structs ([Delta], [Total], [ScoreRequest], [ScoreAnswer] are aliases), so another module can declare
// the same interfaces. Names of struct fields, their types and their order are part of the contract.
//
//	Share(name string, make func() (any, error)) (any, error)
//	Seed() uint64
//	Degraded() bool
//	RegisterScorer(name string, score func(context.Context, *ScoreRequest, *ScoreAnswer) error) (unregister func(), err error)
//
// Share gives everybody the value that the first caller under that name made. Call it in Start; the extension keeps
// the value until it is shut down, which is after all pipelines. Before the value is handed out, its snapshot is
// restored. make is called with no lock held that Seed or Degraded need, but must not call Share.
//
// Seed is what keys are hashed with, with a function that is the same in every process (hash/maphash is not). It is the
// same in all collectors that share a Redis, and the same after a restart that finds its snapshots. Ask for it inside
// make: it may change later, and then every value that exists is told (Rekey).
//
// Degraded is true while the fleet's totals cannot be had, so that scores rest on what this collector saw alone. It is
// one atomic load. Without Redis it is always false.
//
// RegisterScorer offers an engine to the scoring API under a name, the processor's component ID. Several processors,
// but not two with the same name, can offer one. unregister waits for calls that are running.
//
// # Contract with values
//
// A shared value may have any of these methods. All are called by the extension, from goroutines of its own:
//
//	Snapshot(io.Writer) error              and  Restore(io.Reader) error
//	Deltas(take func(*Delta) bool)         and  Merge(*Total)
//	Forfeit()
//	Rekey(seed uint64)
//
// Snapshot writes the value, with a version of its format, while the value is in use. Restore is called once, before
// anybody else has the value; the bytes have been verified. A Restore that fails must leave the value as it was made. A
// snapshot is only restored when the seed is still the same.
//
// Forfeit is called right after Restore, if there is a fleet and the snapshot is not that of a shutdown, restored for the
// first time: the process was killed, and may have published more than the snapshot knows. What was counted and not
// taken by then must not be offered any more. Numbers of a fleet can then be too low, never too high.
//
// Deltas walks over what was counted and not yet taken. take returning true means that this amount is now the
// extension's and reaches the fleet exactly once; false means that it stays the value's, to be offered again: the
// key is too rare (publish_min), or the fleet cannot be reached at the moment. The walk goes on in both cases. The
// value may use one Delta for all calls; take keeps nothing of it. take is fast, but the value should not hold a lock
// that spans need over the whole walk.
//
// Merge is told the fleet's total of a key, this collector's part included. Deltas and Merge are called from one
// goroutine, one at a time.
//
// Rekey says that the seed has changed: the collector started without Redis, with a seed of its own, and has now
// learned that of its fleet. What is keyed by hash must be forgotten. Without the method, the value is not offered to
// the fleet until the next start.
//
// # Contracts of other components
//
// The extension has the methods that contrib's adaptivetailsamplingprocessor asks of its `shared_counters` and
// `fleet_tracker` extensions (internal/samplingstate.CounterStore as of contrib commit 0e8da4bd, fleettracker.go as of
// e2e62670):
//
//	AddCounts(ctx context.Context, samplerID string, bucket int64, counts map[string]float64) error
//	ReadCounts(ctx context.Context, samplerID string, bucket int64) (map[string]float64, error)
//	SubscribeMemberCount(callback func(count int)) (cancel func(), err error)
package riskstate
