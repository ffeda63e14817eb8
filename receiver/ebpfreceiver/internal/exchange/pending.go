// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"container/list"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

// pending is an exchange whose end was not seen yet. It owns a copy of its exchange record, and of the head of its final
// response if that came in a record of its own.
type pending struct {
	record   []byte
	response []byte // empty: the exchange record's
	body     body
	cookie   uint64
	number   uint32
	within   protocol.ID
	bytes    uint64      // of the response so far
	last     uint64      // CLOCK_MONOTONIC ns of its last byte
	flags    event.Flags // of the record that told of it
	element  *list.Element
}

// table holds what is pending, by connection and in the order of the last byte seen.
type table struct {
	byCookie map[uint64]*pending
	order    *list.List // of *pending, the longest quiet first
	free     []*pending
}

func newTable() *table {
	return &table{byCookie: make(map[uint64]*pending), order: list.New()}
}

// add keeps copies of what e and record hold.
func (t *table) add(e *event.Event, record []byte, b body) *pending {
	p := &pending{}
	if n := len(t.free); n > 0 {
		p, t.free = t.free[n-1], t.free[:n-1]
	}
	p.record = append(p.record[:0], record...)
	p.response = p.response[:0]
	p.within = protocol.ID{}
	p.body, p.cookie, p.number, p.bytes, p.last, p.flags = b, e.Cookie, e.Number, e.ResponseBytes, e.Time, e.Flags
	t.byCookie[e.Cookie] = p
	p.element = t.order.PushBack(p)
	return p
}

// advance notes further bytes.
func (t *table) advance(p *pending, e *event.Event) {
	p.bytes, p.last, p.flags = e.ResponseBytes, e.Time, e.Flags
	t.order.MoveToBack(p.element)
}

// remove forgets p and keeps its memory for the next.
func (t *table) remove(p *pending) {
	delete(t.byCookie, p.cookie)
	t.order.Remove(p.element)
	if len(t.free) < maxFree {
		t.free = append(t.free, p)
	}
}

// maxFree bounds the memory that is kept for reuse, about 1 KiB each.
const maxFree = 256

// oldest returns what has been quiet for the longest time, nil if nothing is pending.
func (t *table) oldest() *pending {
	front := t.order.Front()
	if front == nil {
		return nil
	}
	return front.Value.(*pending)
}
