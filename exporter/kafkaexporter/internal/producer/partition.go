// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package producer

import (
	"math"
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
	// absent is since when look-ups say that the partition is not there; zero means that they do not.
	absent time.Time

	queue    []*Batch
	next     int
	inFlight int
	on       int32 // the node that has those in flight

	// broken is true from a failure until nothing is in flight any more.
	broken bool
	// renew asks for a new identity as soon as nothing is in flight and every batch that was ever sent was called out of
	// order. Until then nobody else gets numbers.
	renew bool
	// gap is the ordinal, counted from 1, of the first numbers whose batch is not in the log, while a batch is unresolved that may
	// stand behind them; else 0. Whatever the broker knows says nothing about what stands behind them: it may have forgotten the
	// producer and taken what came next.
	gap int
	// round counts the times that the partition began again, from 1.
	round int
	// proven is true once a batch of the identity is known to be in the log, so that the broker's memory of it has no gaps. It is
	// not after a long rest, for brokers forget who does not write.
	proven bool
	// landed is when a batch was last known to be in the log. stale is true if that was so long ago that the broker may have
	// forgotten the producer, while batches are unresolved that were sent before.
	landed   time.Time
	stale    bool
	identity *identity
	rejected *identity // the last identity that was given up here
	// foreign is true once the broker said that the producer id itself is not ours, so that no epoch of it will do.
	foreign  bool
	epoch    int16 // of the identity's id here; it begins with the identity's own
	sequence int32 // of the next batch that has none
	issued   int   // batches that got a sequence, so the ordinal of the next

	cutting int // batches whose pieces are awaited

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
	b.sent, b.tried, b.forgotten = true, p.round, 0 // what was said of an earlier attempt does not hold for this one
	if !b.stamped {
		stamp := recordbatch.Producer{ID: recordbatch.NoProducer, Epoch: recordbatch.NoProducer, Sequence: recordbatch.NoProducer}
		if p.identity != nil {
			stamp = recordbatch.Producer{ID: p.identity.id, Epoch: p.epoch, Sequence: p.sequence}
		}
		recordbatch.Stamp(b.Bytes, stamp, &b.checksum)
		b.stamped, b.ordinal, b.sequence = true, p.issued, p.sequence
		p.issued++
		p.sequence = recordbatch.NextSequence(p.sequence, b.Records)
	}
	return b
}

// within tells whether the next batch stays within a window of so many batches that begins at the first unresolved one.
//
// Counting what is in flight would not do. Suppose that 0 is appended but its answer says that the replicas timed out,
// that 1 to 4 succeed, and that 0 is sent again with 5 to 8 behind it. If 0 fails in the same way once more, the broker
// has since appended nine batches and remembers five: it would call the third 0 out of order, and a new identity
// would then put it into the log twice.
//
// Until an identity is proven, also after a rest, its window is one. A broker takes any sequence of a producer that it does not
// know, so a second batch could get in while the first does not, and overtaken would then take the first for appended.
func (p *partition) within(window int) bool {
	if !p.proven && p.identity != nil {
		window = 1
	}
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

// wake doubts what the broker remembers if nothing has come to the log for so long.
func (p *partition) wake(now time.Time, rest time.Duration) {
	if now.Sub(p.landed) < rest {
		return
	}
	if slices.ContainsFunc(p.queue, func(b *Batch) bool { return b.stamped }) {
		p.stale = true
	} else {
		p.proven = false
	}
}

// leave notes that the numbers of a batch are given up, which is not in the log.
func (p *partition) leave(b *Batch) {
	if p.gap == 0 || b.ordinal < p.gap-1 {
		p.gap = b.ordinal + 1
	}
}

// bridged forgets the gap, and that the broker's memory is in doubt, if b, which is in the log, is the first of those that got
// numbers: what comes behind joins on to it.
func (p *partition) bridged(b *Batch) {
	if !slices.ContainsFunc(p.queue[:slices.Index(p.queue, b)], func(earlier *Batch) bool { return earlier.stamped }) {
		p.gap, p.stale = 0, false
	}
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

// overtaken returns the batches before b that are in the log, as b shows, which is: an attempt may have put them there, and b was
// appended behind them. The broker need not know them any more. One that recovers from a crash remembers the last batch of each
// producer, not the last five, and calls the others out of order although it has them; so waiting until they are known again
// would put them into the log twice.
//
// Behind a gap b shows nothing: it may have been taken because the broker had no memory any more. So it may if the memory is
// stale, unless the broker has called the others out of order in the same round.
func (p *partition) overtaken(b *Batch) []*Batch {
	if p.identity == nil || p.gap > 0 && b.ordinal >= p.gap-1 {
		return nil
	}
	var before []*Batch
	for _, earlier := range p.queue[:max(0, slices.Index(p.queue, b))] {
		if earlier.stamped && (earlier.doubted && !p.stale || earlier.forgotten == p.round) {
			before = append(before, earlier)
		}
	}
	return before
}

// restart makes the partition begin again at its first unresolved batch, once nothing is in flight. If it is to count
// anew, it goes on first with what was sent before and not called out of order in this round: one of those may be known. It
// returns whether it began a new epoch.
func (p *partition) restart(now time.Time, backoff func(int) time.Duration) (bumped bool) {
	p.broken = false
	if p.renew {
		unknown := slices.IndexFunc(p.queue, func(b *Batch) bool { return b.stamped && b.forgotten != p.round })
		if unknown >= 0 {
			p.next = unknown
			if p.queue[unknown].tried == p.round {
				p.pause(now, backoff)
			}
			return false
		}
	}
	p.next = 0
	p.round++
	p.pause(now, backoff)
	if !p.renew {
		return false
	}
	p.renew, p.gap, p.proven, p.stale, p.sequence = false, 0, false, false, 0
	for _, b := range p.queue {
		b.stamped, b.doubted = false, false
	}
	if p.identity != nil && !p.foreign && p.epoch < math.MaxInt16 {
		p.epoch++
		return true
	}
	p.rejected, p.identity, p.foreign = p.identity, nil, false
	return false
}

func (p *partition) pause(now time.Time, backoff func(int) time.Duration) {
	p.notBefore = now.Add(backoff(p.failures))
	p.failures++
}

// adopt gives the partition an identity.
func (p *partition) adopt(i *identity) { p.identity, p.epoch = i, i.epoch }
