// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package load

import (
	"fmt"
	"syscall"
	"time"
)

// cpuTime returns the user and system time that this process has spent so far.
func cpuTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("read process time: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}
