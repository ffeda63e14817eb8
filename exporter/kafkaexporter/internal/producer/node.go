// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package producer

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/wire"
)

type nodeState uint8

const (
	down nodeState = iota
	dialling
	up
	closing // hung up, goroutines still ending
)

// node is the state of the connection to one broker.
type node struct {
	id    int32
	state nodeState
	// flights are the requests without an answer, in the order in which they were sent.
	flights []*flight
	// ready holds the partitions led by this node that may have something to send.
	ready []*partition

	failures   int
	notBefore  time.Time // of the next attempt to connect
	mutedUntil time.Time // the broker asked for a pause
	used       time.Time
	expires    time.Time // when the connection has to be replaced; zero means never
}

// flight is a produce request on its way. It is used again once it was answered; its pipe has no use for it then.
type flight struct {
	node    int32
	batches []*Batch
	request wire.Request
	answer  wire.Answer // set before the machine hears of it
	at      time.Time
}

// tell hands the answer to the machine.
func (f *flight) tell(m *machine, now time.Time) { m.answered(now, f, f.answer) }

// newFlight returns an empty flight.
func (m *machine) newFlight() *flight {
	last := len(m.spare) - 1
	if last < 0 {
		f := &flight{}
		f.request.Tag = f
		return f
	}
	f := m.spare[last]
	m.spare = m.spare[:last]
	return f
}

// landFlight takes back a flight that nobody knows any more, and forgets its batches.
func (m *machine) landFlight(f *flight) {
	clear(f.batches)
	clear(f.request.Parts)
	f.batches, f.request.Parts = f.batches[:0], f.request.Parts[:0]
	m.spare = append(m.spare, f)
}

// list puts a partition on its leader's ready list. It may turn out not to be ready after all.
func (m *machine) list(p *partition) {
	if p.listed || p.next >= len(p.queue) {
		return
	}
	if p.leader < 0 {
		m.refresh.wanted = true
		return
	}
	n, known := m.nodes[p.leader]
	if !known {
		n = &node{id: p.leader}
		m.nodes[p.leader] = n
		m.brokers = append(m.brokers, n)
	}
	p.listed, m.moved = true, true
	n.ready = append(n.ready, p)
}

// relist lists every partition that has something to send.
func (m *machine) relist() {
	for _, p := range m.order {
		m.list(p)
	}
}

// pumpNode sends what the node's pipe has room for, or connects if there is something to send.
func (m *machine) pumpNode(now time.Time, n *node) {
	switch n.state {
	case down:
		m.connect(now, n)
		return
	case up:
	default:
		return
	}
	if len(n.ready) > 0 && !n.expires.IsZero() && !now.Before(n.expires) {
		m.replace(n)
		return
	}
	for len(n.flights) < wire.Depth && len(n.ready) > 0 {
		if now.Before(n.mutedUntil) {
			m.wakeAt(n.mutedUntil)
			return
		}
		f := m.newFlight()
		m.collect(now, n, f)
		if len(f.batches) == 0 {
			m.landFlight(f)
			return
		}
		m.launch(now, n, f)
	}
}

func (m *machine) connect(now time.Time, n *node) {
	if len(n.ready) == 0 {
		return
	}
	address, known := m.addresses[n.id]
	if !known {
		m.disperse(n)
		return
	}
	if now.Before(n.notBefore) {
		m.wakeAt(n.notBefore)
		return
	}
	n.state = dialling
	m.out.dial(n.id, address)
}

// disperse moves the ready partitions of a node that has left the cluster to where they belong now.
func (m *machine) disperse(n *node) {
	ready := n.ready
	n.ready = nil
	for _, p := range ready {
		p.listed = false
		p.leader = m.leader(p.key)
		if p.leader != n.id {
			m.list(p)
		}
	}
}

// collect takes one batch of each ready partition, as many as fit into a request. Partitions take turns: those with
// more to send go to the end of the list.
func (m *machine) collect(now time.Time, n *node, f *flight) {
	again := m.relisted[:0]
	size, i := 0, 0
	for ; i < len(n.ready); i++ {
		p := n.ready[i]
		if p.leader == n.id && m.sendable(now, p) {
			if next := len(p.queue[p.next].Bytes); size > 0 && size+next > m.set.MaxRequestBytes {
				break
			}
			b := p.take(n.id)
			size += len(b.Bytes)
			f.batches = append(f.batches, b)
		}
		// A partition that cannot send is listed again by the event that changes that.
		p.listed = false
		if p.leader != n.id {
			m.list(p)
		} else if p.next < len(p.queue) && m.sendable(now, p) {
			again = append(again, p)
			p.listed = true
		}
	}
	n.ready = append(slices.Delete(n.ready, 0, i), again...)
	m.relisted = again
}

// sendable tells whether the partition's next batch may go to its leader now.
func (m *machine) sendable(now time.Time, p *partition) bool {
	if m.fenced != nil || p.broken || p.next >= len(p.queue) {
		return false
	}
	if p.wake(now, m.set.IdleTimeout); !p.within(m.window) {
		return false
	}
	if p.renew && !p.queue[p.next].stamped {
		return false // there are no numbers before the next epoch
	}
	// Batches in flight to a former leader must come back first, or their successors would overtake them.
	if p.inFlight > 0 && p.on != p.leader {
		return false
	}
	if now.Before(p.notBefore) {
		m.wakeAt(p.notBefore)
		return false
	}
	if m.set.Idempotent && p.identity == nil {
		if m.identity == p.rejected {
			m.identity = nil // pump asks for another one
		}
		if m.identity == nil {
			return false
		}
		p.adopt(m.identity)
	}
	return true
}

func (m *machine) launch(now time.Time, n *node, f *flight) {
	// The protocol wants the partitions of a topic together.
	slices.SortStableFunc(f.batches, func(a, b *Batch) int { return cmp.Compare(a.Topic, b.Topic) })
	f.node, f.at = n.id, now
	f.request.Acks, f.request.TimeoutMs = m.set.Acks, int32(m.set.AckTimeout.Milliseconds())
	for _, b := range f.batches {
		f.request.Parts = append(f.request.Parts, wire.Part{Topic: b.Topic, Partition: b.Partition, Batch: b.Bytes})
	}
	n.flights = append(n.flights, f)
	n.used = now
	m.wakeAt(now.Add(m.set.IdleTimeout))
	m.out.Requested(n.id)
	m.out.send(f)
}

// replace ends a connection whose session is over, once what is on its way has been answered; closed connects anew.
func (m *machine) replace(n *node) {
	if len(n.flights) == 0 {
		n.state = closing
		m.out.hangUp(n.id)
	}
}

// hangUpIdle closes a connection that was not used for long.
func (m *machine) hangUpIdle(now time.Time, n *node) {
	if n.state != up || len(n.flights) > 0 {
		return
	}
	if end := n.used.Add(m.set.IdleTimeout); now.Before(end) {
		m.wakeAt(end)
		return
	}
	n.state = closing
	m.out.hangUp(n.id)
}

// connected hears the outcome of dial, and until when the connection may be used; zero means for ever.
func (m *machine) connected(now time.Time, id int32, expires time.Time, err error) {
	n := m.nodes[id]
	m.out.Connected(id, err)
	if err == nil {
		n.state, n.used, n.expires = up, now, expires
		m.pump(now)
		return
	}
	n.state = down
	m.troubled(now, n, fmt.Errorf("produce to broker %d: %w", id, err))
	m.pump(now)
}

// troubled notes a failed or cut connection: the broker may have gone and its partitions moved.
func (m *machine) troubled(now time.Time, n *node, err error) {
	n.notBefore = now.Add(m.set.Backoff(n.failures))
	n.failures++
	m.refresh.wanted = true
	m.sick(err)
}

// closed hears the end of a connection; all its flights have an unknown outcome.
func (m *machine) closed(now time.Time, id int32, err error) {
	n := m.nodes[id]
	n.state = down
	m.out.Disconnected(id)
	flights := n.flights
	n.flights = nil
	if err != nil || len(flights) > 0 {
		if err == nil {
			err = errClosed
		}
		m.troubled(now, n, fmt.Errorf("produce to broker %d: %w", id, err))
	}
	for _, f := range flights {
		m.out.Answered(id, now.Sub(f.at), true)
		for _, b := range f.batches {
			m.lost(now, b)
		}
	}
	m.relist()
	m.pump(now)
}
