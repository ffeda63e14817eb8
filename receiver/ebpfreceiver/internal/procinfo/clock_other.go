// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package procinfo

import "time"

// monotonicClock stands in where the receiver cannot start.
func monotonicClock() func() time.Duration {
	return func() time.Duration { return 0 }
}

// suspended stands in where the receiver cannot start.
func suspended() time.Duration { return 0 }
