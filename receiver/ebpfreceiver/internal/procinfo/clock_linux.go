// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package procinfo

import (
	"time"

	"golang.org/x/sys/unix"
)

// monotonicClock returns a function that returns CLOCK_MONOTONIC. It asks the kernel once; after that, Go's own
// monotonic time, which is the same clock without a system call, is added.
func monotonicClock() func() time.Duration {
	start, base := time.Now(), clock(unix.CLOCK_MONOTONIC)
	return func() time.Duration { return base + time.Since(start) }
}

// suspended returns by how much CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC.
func suspended() time.Duration {
	// Read in this order, the difference is never too small: that would disown a process that has just begun.
	mono := clock(unix.CLOCK_MONOTONIC)
	return max(0, clock(unix.CLOCK_BOOTTIME)-mono)
}

// clock returns a clock that every Linux has, so that there is no error to report.
func clock(id int32) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(id, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
