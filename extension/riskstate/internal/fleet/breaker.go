// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"math/rand/v2"
	"time"
)

// breaker says when something that has failed may be tried again.
type breaker struct {
	failures  int // in a row
	opened    int // times in a row
	closedFor time.Time
}

// ready is true when it may be tried.
func (b *breaker) ready(now time.Time) bool { return !now.Before(b.closedFor) }

// failing is true after a failure, until a success.
func (b *breaker) failing() bool { return b.failures > 0 }

func (b *breaker) succeeded() { *b = breaker{} }

// failed counts a failure. After s.Failures in a row every further one doubles the wait.
func (b *breaker) failed(now time.Time, s *Settings) {
	b.failures++
	if b.failures < s.Failures {
		return
	}
	wait := min(s.Wait<<min(b.opened, 32), s.MaxWait)
	if wait <= 0 { // shifted out
		wait = s.MaxWait
	}
	b.opened++
	// Three quarters to all of it, so that a fleet does not come back at the same moment.
	b.closedFor = now.Add(wait - time.Duration(rand.Int64N(int64(wait)/4+1)))
}
