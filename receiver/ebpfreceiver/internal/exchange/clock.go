// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package exchange

import "sync/atomic"

// Clock turns the kernel's time into the calendar's. Its zero value counts Unix time from boot. Safe for concurrent use.
type Clock struct {
	offset atomic.Int64 // Unix ns at CLOCK_MONOTONIC 0
}

// Set notes that the CLOCK_MONOTONIC time monotonic is the Unix time unix, both in ns. Called often, it follows the
// corrections of the calendar clock that CLOCK_MONOTONIC does not make.
func (c *Clock) Set(monotonic, unix int64) { c.offset.Store(unix - monotonic) }

// Unix returns the Unix time in ns of a CLOCK_MONOTONIC time; 0 stays 0, for what was not observed.
func (c *Clock) Unix(monotonic uint64) int64 {
	if monotonic == 0 {
		return 0
	}
	return int64(monotonic) + c.offset.Load()
}
