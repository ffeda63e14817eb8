// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"slices"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
)

const (
	// maxWaiting is how many records of a direction may wait for those before them, maxWaitingBytes how many bytes.
	maxWaiting      = 256
	maxWaitingBytes = 256 << 10
	// maxWait is for how long, in ns. What was reordered comes within a round trip, what was lost within a few. Another
	// processor may have dated what waits later than what comes now.
	maxWait = 2_000_000_000
)

// order puts the records of one direction in the order of their sequence numbers.
type order struct {
	known   bool
	next    uint32
	waiting []event.Stream // by sequence number; they own their bytes
	bytes   int
}

// push takes a record and gives to c what is in order then. Bytes that were delivered before are taken off. When what is
// missing has not come for too long, c loses it.
func (o *order) push(r *event.Stream, c *connection) {
	if !o.known && r.Flags&event.Raw == 0 {
		o.known, o.next = true, r.From // a direction never begins with raw bytes: another processor is about to tell of those before
	}
	if !o.known || int32(r.From-o.next) > 0 {
		o.wait(r, &c.tracker.spare)
	} else {
		o.deliver(r, c)
		o.drain(c)
	}
	for len(o.waiting) > 0 && (len(o.waiting) > maxWaiting || o.bytes > maxWaitingBytes || int64(r.Time-o.waiting[0].Time) > maxWait) {
		o.giveUp(c)
	}
}

// wait keeps a copy of a record.
func (o *order) wait(r *event.Stream, memory *spare) {
	if o.waiting == nil {
		o.waiting = memory.list()
	}
	at := len(o.waiting)
	for at > 0 && int32(o.waiting[at-1].From-r.From) >= 0 { // most come in order
		at--
	}
	o.waiting = slices.Insert(o.waiting, at, *r)
	o.waiting[at].Captured = memory.copy(r.Captured)
	o.bytes += len(r.Captured)
}

// deliver hands on a record that is next, or what of it is new.
func (o *order) deliver(r *event.Stream, c *connection) {
	seen := o.next - r.From
	if seen > 0 && int32(r.To-o.next) <= 0 {
		return
	}
	if seen > 0 && r.Flags&event.Raw != 0 {
		r.Captured = r.Captured[seen:]
		r.From = o.next
	}
	o.next = r.To
	c.speaker.feed(r)
}

// drain hands on what waited for what came.
func (o *order) drain(c *connection) {
	n := 0
	for n < len(o.waiting) && int32(o.waiting[n].From-o.next) <= 0 {
		memory := o.waiting[n].Captured
		o.bytes -= len(memory)
		o.deliver(&o.waiting[n], c)
		c.tracker.spare.free(memory)
		n++
	}
	if n == 0 {
		return
	}
	if o.waiting = slices.Delete(o.waiting, 0, n); len(o.waiting) == 0 {
		c.tracker.spare.freeList(o.waiting)
		o.waiting = nil
	}
}

// giveUp goes on behind what is missing.
func (o *order) giveUp(c *connection) {
	c.lose(&o.waiting[0])
	o.known, o.next = true, o.waiting[0].From
	c.late = true
	o.drain(c)
	c.late = false
}

// end hands on everything that waits.
func (o *order) end(c *connection) {
	for len(o.waiting) > 0 {
		o.giveUp(c)
	}
}

// size is how many bytes what waits takes, about.
func (o *order) size() int { return o.bytes + recordSize*cap(o.waiting) }

// spare is memory of records that have waited, for the next ones.
type spare struct {
	texts   [][]byte
	records [][]event.Stream
}

const (
	// recordSize is how many bytes a record takes, about, without its text.
	recordSize = 104
	// maxSpare is how many texts are kept, maxSpareLists how many lists of records.
	maxSpare      = 1024
	maxSpareLists = 16
	// minText and maxText bound how many bytes there is room for in a text that is kept.
	minText = 64
	maxText = 1024
)

// copy returns a copy of a text.
func (s *spare) copy(text []byte) []byte {
	var memory []byte
	n := len(s.texts)
	switch {
	case len(text) > maxText:
	case n > 0:
		memory, s.texts = s.texts[n-1], s.texts[:n-1]
	default:
		memory = make([]byte, 0, max(minText, len(text)))
	}
	return append(memory[:0], text...)
}

// free takes back what copy returned.
func (s *spare) free(text []byte) {
	if cap(text) >= minText && cap(text) <= maxText && len(s.texts) < maxSpare {
		s.texts = append(s.texts, text)
	}
}

// list returns an empty list of records.
func (s *spare) list() []event.Stream {
	n := len(s.records)
	if n == 0 {
		return nil
	}
	list := s.records[n-1]
	s.records = s.records[:n-1]
	return list
}

// freeList takes back a list that is empty.
func (s *spare) freeList(list []event.Stream) {
	if len(s.records) < maxSpareLists {
		s.records = append(s.records, list[:0])
	}
}
