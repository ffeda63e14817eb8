// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"time"

	"github.com/redis/rueidis"
)

// Settings are those of a [Fleet]. All are required.
type Settings struct {
	// Redis says where it is and how to log in.
	Redis rueidis.ClientOption
	// Prefix begins every key.
	Prefix string
	// FlushInterval is the time between flushes, Heartbeat that between signs of life.
	FlushInterval, Heartbeat time.Duration
	// Timeout is the deadline of a request.
	Timeout time.Duration
	// PublishMin is the least that a collector must have counted for a key and step alone to publish it.
	PublishMin int64
	// MaxKeys is the number of keys taken in one flush, BatchKeys that in one request.
	MaxKeys, BatchKeys int
	// Failures in a row open a lane's breaker, for Wait, doubled up to MaxWait.
	Failures      int
	Wait, MaxWait time.Duration
}

// Events are told by the fleet's goroutine. All are required.
type Events struct {
	// Values returns the values that take part.
	Values func() []Value
	// Seed is told the fleet's seed when it is not the one that is in use.
	Seed func(seed uint64)
	// Members is told the number of collectors that are alive when it changes.
	Members func(count int)
	// Flushed is told about each flush that did something.
	Flushed func(Flush)
	// Fault is told the first error of a row of failures, and nil when all is well again.
	Fault func(error)
}

// Flush is what one flush did.
type Flush struct {
	Took time.Duration
	// Sent counts the keys taken, Confirmed those of batches that were answered.
	Sent, Confirmed int64
	// Rare, Unreachable and Full count deltas that were left with their value: below PublishMin, of a lane that is not
	// reached at the moment, above MaxKeys.
	Rare, Unreachable, Full int64
	// Expired counts keys of batches that were given up. Forgotten counts confirmed batches that Redis no longer knows.
	Expired, Forgotten int64
	// Repeated counts batches that had been applied although their first reply did not come.
	Repeated int64
	// Failed counts requests that failed.
	Failed int64
}
