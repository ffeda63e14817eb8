// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package producer

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/kafkaerr"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/wire"
)

var (
	errClosed   = errors.New("connection closed")
	errMaybe    = errors.New("connection cut before the batch was known to be written, and required_acks 0 does not allow to send it again")
	errNoAnswer = errors.New("answer does not mention the partition")
)

// answered hears a broker's answer to a flight.
func (m *machine) answered(now time.Time, f *flight, a wire.Answer) {
	n := m.nodes[f.node]
	n.flights = slices.DeleteFunc(n.flights, func(other *flight) bool { return other == f })
	n.failures, n.used = 0, now
	m.out.Answered(f.node, now.Sub(f.at), false)
	if a.ThrottleMs > 0 {
		pause := time.Duration(a.ThrottleMs) * time.Millisecond
		n.mutedUntil = now.Add(pause)
		m.out.Throttled(f.node, pause)
	}
	for i, b := range f.batches {
		if m.set.Acks == 0 {
			m.landed(now, b)
			continue
		}
		result, found := resultOf(a.Results, b, i)
		if !found {
			b.doubted = true
			m.again(now, b, "no_answer", errNoAnswer, true)
			continue
		}
		m.outcome(now, b, result)
	}
	m.landFlight(f)
	m.pump(now)
}

// resultOf finds a batch's result; brokers answer in the order of the request, but nobody promised that.
func resultOf(results []wire.PartResult, b *Batch, guess int) (wire.PartResult, bool) {
	if guess < len(results) && results[guess].Partition == b.Partition && results[guess].Topic == b.Topic {
		return results[guess], true
	}
	for i := range results {
		if results[i].Partition == b.Partition && results[i].Topic == b.Topic {
			return results[i], true
		}
	}
	return wire.PartResult{}, false
}

// outcome applies a result to a batch. What a code means is decided in kafkaerr; what follows from it, here.
func (m *machine) outcome(now time.Time, b *Batch, result wire.PartResult) {
	class := kafkaerr.Classify(result.Code)
	if class == kafkaerr.OK {
		m.landed(now, b)
		return
	}
	cause := kafkaerr.Name(result.Code)
	err := fmt.Errorf("produce to %s/%d: %w", b.Topic, b.Partition, &kafkaerr.Error{Code: result.Code, Message: result.Message})
	switch class {
	case kafkaerr.Retry, kafkaerr.Refresh:
		b.doubted = b.doubted || !kafkaerr.Untouched(result.Code)
		m.again(now, b, cause, err, class == kafkaerr.Refresh)
	case kafkaerr.Sequence:
		p := m.partitions[partitionKey{b.Topic, b.Partition}]
		// Behind an unresolved batch this is that one's fault; it goes first when all are sent again.
		p.renew = p.renew || p.first(b)
		p.foreign = p.foreign || p.first(b) && kafkaerr.Foreign(result.Code)
		b.forgotten, b.doubted = p.round, true
		m.again(now, b, cause, err, false)
	case kafkaerr.Unexpected:
		b.doubted = true
		if b.puzzled.IsZero() {
			b.puzzled = now
		}
		if m.set.Patience >= 0 && now.Sub(b.puzzled) >= m.set.Patience {
			m.refused(now, b, cause, err)
			return
		}
		m.again(now, b, cause, err, true)
	case kafkaerr.TooLarge:
		m.tooLarge(now, b, cause, err)
	case kafkaerr.Fenced:
		m.fence(now, b, err)
	default:
		if class == kafkaerr.Unauthorized {
			m.sick(err)
		}
		m.refused(now, b, cause, err)
	}
}

// landed resolves a batch that is in the log.
func (m *machine) landed(now time.Time, b *Batch) {
	p := m.back(b)
	p.bridged(b)
	for _, known := range p.overtaken(b) {
		p.renew = p.renew && p.gap > 0 // what is behind a gap needs new numbers in any case
		m.delivered(p, known)
	}
	m.delivered(p, b)
	p.failures, p.proven, p.landed = 0, true, now
	m.well()
	m.settle(now, p)
}

func (m *machine) delivered(p *partition, b *Batch) {
	p.remove(b)
	m.out.Delivered(b)
	b.resolve(nil)
}

// again leaves a batch where it is in the queue, to be sent with the same bytes.
func (m *machine) again(now time.Time, b *Batch, cause string, err error, refresh bool) {
	p := m.back(b)
	p.broken = true
	m.refresh.wanted = m.refresh.wanted || refresh
	m.out.Retried(b, cause)
	m.sick(err)
	m.settle(now, p)
}

// refused resolves a batch that will never be accepted. Its successors keep their numbers: a broker that insists on
// the gap being filled says so, and then the partition begins a new epoch.
func (m *machine) refused(now time.Time, b *Batch, reason string, err error) {
	p := m.back(b)
	p.leave(b)
	p.remove(b)
	m.drop(b, reason, err)
	m.settle(now, p)
}

// lost handles a batch whose connection ended before its answer.
func (m *machine) lost(now time.Time, b *Batch) {
	if m.set.Acks == 0 {
		m.refused(now, b, "connection_lost", fmt.Errorf("produce to %s/%d: %w", b.Topic, b.Partition, errMaybe))
		return
	}
	p := m.back(b)
	p.broken, b.doubted = true, true
	m.out.Retried(b, "connection_lost")
	m.settle(now, p)
}

// back notes that a batch is no longer in flight.
func (m *machine) back(b *Batch) *partition {
	p := m.partitions[partitionKey{b.Topic, b.Partition}]
	p.inFlight--
	return p
}

// settle lets a partition go on, after a failure only when everything in flight has come back.
func (m *machine) settle(now time.Time, p *partition) {
	if p.inFlight == 0 && (p.broken || p.renew) && m.fenced == nil && !m.cut(p) {
		if p.restart(now, m.set.Backoff) {
			m.out.Bumped(p.key.topic)
		}
	}
	if m.fenced != nil {
		m.abandon(p)
	}
	p.leader = m.leader(p.key)
	m.list(p)
}

// fence gives up everything: whoever has taken over the identity would be fought for ever.
func (m *machine) fence(now time.Time, b *Batch, err error) {
	m.fenced = err
	m.sick(err)
	m.refused(now, b, "fenced", err)
	for _, p := range m.order {
		m.abandon(p)
	}
}

// abandon drops what a partition holds, unless some of it is in flight: then its answers come first.
func (m *machine) abandon(p *partition) {
	if p.inFlight > 0 {
		return
	}
	for _, b := range p.queue {
		m.drop(b, "fenced", m.fenced)
	}
	p.queue, p.next = nil, 0
}
