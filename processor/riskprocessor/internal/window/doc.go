// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package window keeps numbers per key over a sliding window or a calendar day, in memory that is fixed when it is made.
//
// [Counter] counts events, [Sum] adds up amounts, [Ratio] counts those that matched, [Distinct] counts different elements,
// [Age] remembers when a key was seen first. All live in a table that works like a processor's cache: a key belongs to one
// bucket of eight cells and to no other place, so an update looks at eight keys that lie side by side, nothing is ever
// moved, and nothing grows.
//
//	stripe = key >> 58            64 of them, each with its lock
//	bucket = key & mask           inside the stripe
//	+--------+--------+-----+--------+---------+---------+-----+---------+
//	| key 0  | key 1  | ... | key 7  | cell 0  | cell 1  | ... | cell 7  |
//	+--------+--------+-----+--------+---------+---------+-----+---------+
//
// A key that finds its bucket full of live cells is counted in a sketch beside the table, and takes the place of the
// cell with the least load only when it was itself seen clearly more often than that lately. A flood of keys seen once
// therefore takes free cells and no others. The newcomer starts at zero, not with what the sketch thinks of it: an
// estimate may miss events from before the key had a cell, it never contains events of another key. Evictions and
// refusals are returned to the caller, who counts them. Only [Age.Note] admits every key, in the place of the oldest.
//
// Keys are hashes; whoever makes them must seed them, or keys can be chosen so that they meet in one bucket.
// Time is the caller's, as a [Moment] of the table's [Period]; it should not run backwards by more than a fraction of the
// window. All methods may be called from many goroutines at once.
package window
