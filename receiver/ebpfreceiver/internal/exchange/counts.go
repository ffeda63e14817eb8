// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package exchange

import "sync/atomic"

// Counts are what an [Assembler] counts. Each may be read at any time by any goroutine.
type Counts struct {
	// BadRecord counts records that do not keep the layout.
	BadRecord atomic.Int64
	// BadRequest and BadResponse count exchanges lost because the captured bytes are no HTTP/1 head.
	BadRequest, BadResponse atomic.Int64
	// Orphaned counts exchanges lost because their final response never came before the next request did.
	Orphaned atomic.Int64
	// Evicted counts exchanges closed before their end was seen because too many were open; TimedOut, because no byte
	// was seen for too long. They are told all the same, as far as they were seen.
	Evicted, TimedOut atomic.Int64
	// EndUnknown counts exchanges closed after a pause because their response's head was not seen whole, so that nothing
	// but silence may tell their end. They are told as far as they were seen.
	EndUnknown atomic.Int64
	// Unaligned counts exchanges lost because their request did not begin a packet: it shared one with the end of the
	// body before it. Their status line tells of them.
	Unaligned atomic.Int64
	// Truncated counts exchanges whose request head is longer than what is captured.
	Truncated atomic.Int64
	// Open is the number of exchanges whose end was not seen yet.
	Open atomic.Int64
}
