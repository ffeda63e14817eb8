// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package riskprocessor

import "time"

// cpuTime is the time on the clock, as the time of a thread is not to be had everywhere.
func cpuTime() time.Duration { return time.Since(time.Time{}) }
