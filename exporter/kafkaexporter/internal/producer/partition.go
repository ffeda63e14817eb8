// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package producer

import (
	"slices"
	"time"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/recordbatch"
)

// identity is a producer id with its epoch. Identities are compared by pointer.
type identity struct {
	id    int64
	epoch int16
}

type partitionKey struct {
	topic string
	index int32
}

// partition is the state of one partition. queue holds its unresolved batches in order:
//
//	[ in flight or resolved out of turn ... | next: to be sent | ... ]
type partition struct {
	key    partitionKey
	leader int32 // -1 while unknown

	queue    []*Batch
	next     int
	inFlight int
	on       int32 // the node that has those in flight

	// broken is true from a failure until nothing is in flight any more.
	broken bool
	// renew asks for a new identity as soon as nothing is in flight.
	renew    bool
	identity *identity
	rejected *identity // the last identity that was given up here
	sequence int32     // of the next batch that has none
	issued   int       // batches that got a sequence, so the ordinal of the next

	failures  int
	notBefore time.Time
	listed    bool // in the ready list of some node
}

// take returns the next batch to be sent, with its place in the sequence.
func (p *partition) take(node int32) *Batch {
	b := p.queue[p.next]
	p.next++
	p.inFlight++
	p.on = node
	b.sent = true
	if !b.stamped {
		stamp := recordbatch.Producer{ID: recordbatch.NoProducer, Epoch: recordbatch.NoProducer, Sequence: recordbatch.NoProducer}
		if p.identity != nil {
			stamp = recordbatch.Producer{ID: p.identity.id, Epoch: p.identity.epoch, Sequence: p.sequence}
			p.sequence = recordbatch.NextSequence(p.sequence, b.Records)
		}
		recordbatch.Stamp(b.Bytes, stamp)
		b.stamped, b.ordinal = true, p.issued
		p.issued++
	}
	return b
}

// within tells whether the next batch stays within a window of so many batches that begins at the first unresolved one.
//
// Counting what is in flight would not do. Suppose that 0 is appended but its answer says that the replicas timed out,
// that 1 to 4 succeed, and that 0 is sent again with 5 to 8 behind it. If 0 fails in the same way once more, the broker
// has since appended nine batches and remembers five: it would call the third 0 out of order, and a new identity
// would then put it into the log twice.
func (p *partition) within(window int) bool {
	first, next := p.queue[0], p.queue[p.next]
	if !first.stamped {
		return true
	}
	ordinal := p.issued
	if next.stamped {
		ordinal = next.ordinal
	}
	return ordinal-first.ordinal < window
}

// remove takes a batch out of the queue, whatever its position.
func (p *partition) remove(b *Batch) {
	i := slices.Index(p.queue, b)
	if i < 0 {
		return
	}
	p.queue = slices.Delete(p.queue, i, i+1)
	if i < p.next {
		p.next--
	}
}

// first tells whether nothing unresolved stands before b.
func (p *partition) first(b *Batch) bool { return len(p.queue) > 0 && p.queue[0] == b }

// restart makes the partition begin again at its first unresolved batch, once nothing is in flight.
func (p *partition) restart(now time.Time, backoff func(int) time.Duration) {
	p.broken, p.next = false, 0
	p.notBefore = now.Add(backoff(p.failures))
	p.failures++
	if !p.renew {
		return
	}
	p.renew = false
	p.rejected, p.identity, p.sequence = p.identity, nil, 0
	for _, b := range p.queue {
		b.stamped = false
	}
}
