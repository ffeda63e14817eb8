// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package producer

import (
	"context"
	"slices"
	"time"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/recordbatch"
)

// Batch is a record batch for one partition.
type Batch struct {
	Topic     string
	Partition int32
	// Bytes is a batch made by recordbatch.Append.
	Bytes []byte
	// LettersFrom holds, if the records are dead letters, the topic that each of them was for.
	LettersFrom []string
	// Records is the number of records in Bytes, Plain the size of the batch before compression.
	Records, Plain int

	ticket   *Ticket
	checksum recordbatch.Checksum
	// queued is true while the machine has the batch.
	queued bool
	// sent is true once the batch was given to a connection: from then on it cannot be withdrawn.
	sent bool
	// stamped is true while Bytes holds the batch's place in its partition's sequence.
	stamped bool
	// ordinal counts the batches of a partition in the order of their sequences, the first of which is sequence.
	ordinal  int
	sequence int32
	// tried is the partition's round in which the batch was last sent, forgotten the same if that attempt was called out of
	// order, else 0.
	tried, forgotten int
	// doubted is true once an attempt may have put the batch into the log, as far as anybody knows.
	doubted bool
	// tooLarge is true once the topic has refused the batch for its size, cutting while it is being cut.
	tooLarge, cutting bool
	// puzzled is when the broker first failed in a way that it has no name for.
	puzzled  time.Time
	resolved bool
	err      error
}

// Ticket stands for the batches of one request. It remembers them over several attempts.
// Its methods may be called by its owner only, and not while a Deliver call with it is running.
type Ticket struct {
	batches    []*Batch
	unresolved int
	done       chan struct{}
	owner      Owner
}

// Owner is who made a ticket's batches.
type Owner interface {
	// Keep is called for each batch that the producer takes over, Drop when the batch is resolved or withdrawn. The
	// producer's goroutine calls them.
	Keep(b *Batch)
	Drop(b *Batch)
	// Cut makes smaller batches of the same records for the same partition, which take the place of one that the topic
	// has refused for its size. What cannot be cut is not among them, and is the owner's business; there may be none. Cut is
	// called by a goroutine of its own, which waits for it when the producer is shut down and ctx ends.
	Cut(ctx context.Context, b *Batch) ([]*Batch, error)
	// Return takes back a batch that was never sent, and whose partition is gone: its records want a partition that is there.
	// The producer's goroutine calls it before the batch is resolved.
	Return(b *Batch)
}

// NewTicket returns a ticket for batches, which must not be part of another ticket. Without an owner (nil) batches that are
// too large are refused.
func NewTicket(batches []*Batch, owner Owner) *Ticket {
	t := &Ticket{batches: batches, unresolved: len(batches), done: make(chan struct{}), owner: owner}
	for _, b := range batches {
		b.ticket = t
	}
	if len(batches) == 0 {
		close(t.done)
	}
	return t
}

// Resolved tells whether the fate of every batch is known.
func (t *Ticket) Resolved() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}

// Errs returns the errors of batches that were refused for good. Call it only when the ticket is resolved.
func (t *Ticket) Errs() []error {
	var errs []error
	for _, b := range t.batches {
		if b.err != nil {
			errs = append(errs, b.err)
		}
	}
	return errs
}

// Batches returns the ticket's batches. Their memory may be recycled only when the ticket is resolved.
func (t *Ticket) Batches() []*Batch { return t.batches }

// resolve notes a batch's fate.
func (b *Batch) resolve(err error) {
	b.resolved, b.err = true, err
	b.keep(false)
	b.ticket.unresolved--
	if b.ticket.unresolved == 0 {
		close(b.ticket.done)
	}
}

// keep notes whether the machine has the batch.
func (b *Batch) keep(queued bool) {
	if b.queued == queued {
		return
	}
	b.queued = queued
	switch {
	case b.ticket.owner == nil:
	case queued:
		b.ticket.owner.Keep(b)
	default:
		b.ticket.owner.Drop(b)
	}
}

// replace puts pieces in the place of a batch that is not going to be sent.
func (t *Ticket) replace(b *Batch, pieces []*Batch) {
	at := slices.Index(t.batches, b)
	t.batches = slices.Replace(t.batches, at, at+1, pieces...)
	t.unresolved += len(pieces) - 1
	for _, piece := range pieces {
		piece.ticket = t
		piece.keep(true)
	}
	b.resolved = true
	b.keep(false)
}
