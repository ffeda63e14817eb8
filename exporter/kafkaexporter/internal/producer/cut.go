// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package producer

import (
	"slices"
	"time"
)

// A topic may take less than it did when a batch was made, or it was not known what it takes. Brokers look at the size first,
// so a batch that is refused for it was not appended by that attempt. It is cut, and its pieces take its place in line:
//
//	too large -> everything else has come back -> numbers settled -> cut -> pieces in the queue -> restart
//
// If an earlier attempt may have been appended, cutting could put the records into the log twice: then the batch is refused.

// tooLarge handles a batch that the topic does not take for its size.
func (m *machine) tooLarge(now time.Time, b *Batch, cause string, err error) {
	if b.doubted || b.ticket.owner == nil {
		m.refused(now, b, cause, err)
		return
	}
	p := m.back(b)
	b.tooLarge, b.err, p.broken = true, err, true
	m.out.Retried(b, cause)
	m.settle(now, p)
}

// cut asks for the pieces of the batches that are too large, and tells whether any are awaited. Nothing is in flight.
func (m *machine) cut(p *partition) bool {
	if slices.ContainsFunc(p.queue, func(b *Batch) bool { return b.tooLarge && !b.cutting }) {
		p.vacate()
	}
	for _, b := range p.queue {
		if b.tooLarge && !b.cutting {
			b.cutting = true
			p.cutting++
			m.out.cut(b)
		}
	}
	return p.cutting > 0
}

// wasCut hears the outcome of cut.
func (m *machine) wasCut(now time.Time, b *Batch, pieces []*Batch, err error) {
	p := m.partitions[partitionKey{b.Topic, b.Partition}]
	p.cutting--
	at := slices.Index(p.queue, b)
	switch {
	case at < 0: // given up meanwhile
	case err != nil:
		p.remove(b)
		m.drop(b, "message_too_large", err)
	case len(pieces) == 0:
		p.remove(b)
		b.resolve(nil)
	default:
		p.queue = slices.Replace(p.queue, at, at+1, pieces...)
		b.ticket.replace(b, pieces)
	}
	m.settle(now, p)
	m.pump(now)
}

// vacate gives up the numbers of batches that are too large, for their pieces. If they were the last that were given out, the
// next batch gets them. If not, those behind have seen the gap, and a new epoch begins: but not before all of them were called
// out of order, for the broker may have forgotten the producer, and then it takes what comes behind a gap.
func (p *partition) vacate() {
	var first *Batch
	count := 0
	for _, b := range p.queue {
		if b.tooLarge && !b.cutting {
			if count++; first == nil {
				first = b
			}
		}
	}
	if p.issued-first.ordinal == count {
		p.issued, p.sequence = first.ordinal, first.sequence
		return
	}
	if p.identity == nil {
		return
	}
	p.renew = true
	p.leave(first)
}
