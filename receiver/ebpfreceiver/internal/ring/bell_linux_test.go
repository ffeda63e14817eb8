// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestAWaitIsNeverShorterThanAsked(t *testing.T) {
	silent, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	require.NoError(t, err)
	defer func() { assert.NoError(t, unix.Close(silent)) }()
	b, err := newBell(silent)
	require.NoError(t, err)
	defer func() { assert.NoError(t, b.close()) }()
	for _, interval := range []time.Duration{100 * time.Microsecond, time.Millisecond, 1500 * time.Microsecond} {
		for range 10 {
			deadline := time.Now().Add(interval)
			by, err := b.wait(deadline)
			require.NoError(t, err)
			require.Equal(t, byTime, by)
			assert.False(t, time.Now().Before(deadline), "it came back before %s", interval)
		}
	}
}

func TestAWaitIsRoundedUp(t *testing.T) {
	for wait, want := range map[time.Duration]int{-time.Hour: 0, 0: 0, 1: 1, time.Millisecond: 1, time.Millisecond + 1: 2} {
		assert.Equal(t, want, milliseconds(wait), wait)
	}
}
