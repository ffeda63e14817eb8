// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package window keeps numbers per key over a sliding window, in memory that is fixed when it is made.
//
// [Counter] counts events, [Distinct] counts different elements. Both live in a table that works like a processor's
// cache: a key belongs to one bucket of eight cells and to no other place, so an update looks at eight keys that lie
// side by side, nothing is ever moved, and nothing grows.
//
//	stripe = key >> 58            64 of them, each with its lock
//	bucket = key & mask           inside the stripe
//	+--------+--------+-----+--------+---------+---------+-----+---------+
//	| key 0  | key 1  | ... | key 7  | cell 0  | cell 1  | ... | cell 7  |
//	+--------+--------+-----+--------+---------+---------+-----+---------+
//
// A key that finds its bucket full of live cells challenges the one with the least load: it takes its place with
// probability 1/(load+1), and is refused otherwise (randomized admission). A flood of keys seen once therefore fights
// over one cell of each bucket, which it keeps at load 1, while keys with traffic keep theirs. The newcomer starts at
// zero, not with the load of the loser as heavy-hitter sketches do it: an estimate may miss events after an eviction,
// it never contains events of another key. Evictions and refusals are returned to the caller, who counts them.
//
// Keys are hashes; whoever makes them must seed them, or keys can be chosen so that they meet in one bucket.
// Time is the caller's, as a duration since some start; it should not run backwards by more than a fraction of the
// window. All methods may be called from many goroutines at once.
package window
