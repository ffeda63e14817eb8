// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package producer

import (
	"context"
	"time"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/cluster"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/wire"
)

// Settings are what a producer needs. All fields but Idempotent, CreateTopics and Patience are required.
type Settings struct {
	// Idempotent asks for a producer id and numbers the batches. It needs Acks -1.
	Idempotent bool
	// Acks is -1, 1 or 0, as in a produce request.
	Acks int16
	// MaxRequestBytes bounds the batches of one produce request together; a larger single batch goes alone.
	MaxRequestBytes int
	// AckTimeout is how long a broker may wait for its replicas.
	AckTimeout time.Duration
	// RefreshInterval is the time after which the layout is looked up although nothing failed.
	RefreshInterval time.Duration
	// IdleTimeout is the time after which an unused connection is closed.
	IdleTimeout time.Duration
	// CreateTopics asks brokers to create topics that are not there.
	CreateTopics bool
	// Backoff returns the pause after the given number of failures in a row, from 0.
	Backoff func(failures int) time.Duration
	// Patience is how long a batch is sent again that the broker fails at in a way that it has no name for; 0 is not at all,
	// negative for ever.
	Patience time.Duration
	// Cluster answers questions about the cluster; the producer closes it.
	Cluster *cluster.Cluster
	// Dial opens a connection for produce requests.
	Dial func(ctx context.Context, address string) (Pipe, error)
	// Observer hears what happens.
	Observer Observer
}

// Pipe is a connection for produce requests; [wire.Pipe] is the real one.
type Pipe interface {
	Start(h wire.Handler)
	Send(r *wire.Request)
	Close()
	Done() <-chan struct{}
	Expires() time.Time
}

// Observer hears what happens, for telemetry and status. Its methods are called by the producer's goroutine and must
// return quickly.
type Observer interface {
	// Delivered is called when a batch is in the log as far as Acks tells.
	Delivered(b *Batch)
	// Retried is called when a batch has to be sent again.
	Retried(b *Batch, cause string)
	// Dropped is called when a batch was refused for good, or lost with Acks 0.
	Dropped(b *Batch, reason string)
	// Requested and Answered are called when a request goes out, and when it is answered or lost after that time.
	Requested(node int32)
	Answered(node int32, after time.Duration, lost bool)
	// Throttled is called when a broker asks for a pause.
	Throttled(node int32, pause time.Duration)
	// Connected is called with the outcome of an attempt to connect, Disconnected when a connection ended.
	Connected(node int32, err error)
	Disconnected(node int32)
	// Refreshed is called with the outcome of a look-up of the layout.
	Refreshed(err error)
	// Identified is called when a producer id was obtained.
	Identified()
	// Bumped is called when a partition of the topic began a new epoch, its broker having lost the memory of the last one.
	Bumped(topic string)
	// Health is called with an error when something starts to be wrong, and with nil when it is right again.
	Health(err error)
}

// DefaultBackoff doubles from 50 ms to 1 s. random returns a number from 0 to 1 that spreads the pauses of many
// exporters by a quarter.
func DefaultBackoff(random func() float64) func(failures int) time.Duration {
	const (
		first = 50 * time.Millisecond
		limit = time.Second
	)
	return func(failures int) time.Duration {
		pause := limit
		if failures < 5 {
			pause = min(first<<failures, limit)
		}
		return time.Duration(float64(pause) * (0.875 + random()/4))
	}
}
