// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package producer delivers record batches in order and, when idempotent, exactly once per partition log.
//
// It is a state machine (type machine: no goroutines, no I/O, no clock) driven by one goroutine (type Producer), which
// does what the machine asks for and tells it what happened.
//
// A batch goes through these states; only the machine changes them:
//
//	 Submit                first send               answer: success
//	fresh -----> queued -------------> in flight ----------------> resolved
//	  ^             |                    ^   |  \---------------->  answer: never acceptable
//	  '-------------'              again |   | retriable answer,
//	     Withdraw                        '---' cut connection
//
// What keeps it exactly once:
//
//  1. A batch gets its sequence numbers when it is first sent, and keeps them. Whatever the outcome of an attempt, the
//     same bytes are sent again, so that the broker can tell a repetition from news. In particular an attempt without
//     an answer (cut connection, silent broker) may have been appended: only the same sequence is safe.
//  2. A batch that was ever sent cannot be withdrawn. When a caller's context ends, it takes back the fresh batches
//     and leaves the others, and finds them again through its Ticket when it tries again. If it never does, they are
//     delivered nevertheless as soon as the broker can be reached: giving one up would leave a gap in the sequences that
//     could only be closed by numbering its successors anew, and those may be in the log already.
//  3. After a failure a partition sends nothing until the fate of everything in flight is known, then starts again at
//     its first unresolved batch. So batches never overtake each other, and an "out of order" answer that a later batch
//     got because an earlier one failed resolves itself.
//  4. Nothing is sent that is more than four batches ahead of the first unresolved one, because brokers remember five
//     batches: a repetition must never be older than their memory.
//  5. Until the first batch of an identity, or the first after a long rest, is in a partition's log, no second one is sent: so
//     what a broker knows of the identity has no gaps, and a batch that it takes proves that all before it are there. Those
//     that an attempt may have put there are then delivered, whatever the broker remembers of them (see partition.overtaken).
//  6. New numbers are given out in one case only: the first batch in line is called out of order, and so is every other
//     that was ever sent and is unresolved, while nothing of the partition is in flight. The broker has then lost its
//     memory of the producer, or dropped a predecessor for good; in both cases it has said that it did not append this
//     batch, and without it it cannot have appended a later one. The partition then keeps its producer id, begins the next
//     epoch and counts from 0. Other partitions keep theirs: epochs are per partition, as the broker's memory is. What counts
//     is the last attempt of each batch: one that was called out of order, sent again and not answered may be in the log.
//     Behind numbers that were given out for nothing, because their batch was refused, rule 5 proves nothing: there a batch
//     is in the log only when an answer says so.
//
// A batch that the topic refuses for its size is cut by its owner, if no attempt of it can have been appended, and its pieces
// take its place in line: under its numbers, or, if others were given out behind it, in the next epoch, under rule 6.
//
// A partition that is gone (see bury) gives up what was sent to it, which no answer will ever settle, and begins a new epoch. What was
// never sent goes back to its owner.
//
// The epoch is raised here, as Java's client does it (KIP-360), and not by InitProducerId: without a transactional id
// brokers answer that request with a new producer id whatever id and epoch it names, and they take a higher epoch of a
// known id in any batch that begins with sequence 0. A new id would count as well, but would leave the old one valid: an
// attempt that was cut off, and still lies unread in a broker's socket, would then be appended beside its repetition. An
// old epoch is refused once a newer one is in the log. A new id is taken only when the broker says that the id is not
// ours, or when the epochs are used up. A batch that may have been appended is never numbered anew on either way.
//
// Without idempotence the same machine keeps one batch of a partition in flight, which keeps the order but not the
// uniqueness. With acks 0 a batch whose connection is cut counts as lost.
//
// Ownership: a batch belongs to the producer from Submit until it is resolved or withdrawn; its bytes must not be
// touched in between.
package producer
