// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package shop

import "time"

// A service that is troubled works for quiet, then is in trouble for as long as bad says, again and again.
const (
	quiet = 7 * time.Second
	bad   = 2 * time.Second
)

// trouble says when a service has a bad time.
type trouble struct {
	start time.Time
	clock func() time.Time
}

func newTrouble(clock func() time.Time) trouble { return trouble{start: clock(), clock: clock} }

// now says whether this is a bad time.
func (t trouble) now() bool { return t.clock().Sub(t.start)%(quiet+bad) >= quiet }
