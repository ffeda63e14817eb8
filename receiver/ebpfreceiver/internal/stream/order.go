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

// push takes a record and gives to deliver what is in order then. Bytes that were delivered before are taken off. When
// what is missing has not come for too long, lose is called instead of it.
func (o *order) push(r *event.Stream, deliver func(*event.Stream), lose func(*event.Stream)) {
	if !o.known && r.Flags&event.Raw == 0 {
		o.known, o.next = true, r.From // a direction never begins with raw bytes: another processor is about to tell of those before
	}
	if o.known && int32(r.From-o.next) <= 0 {
		o.deliver(r, deliver)
		o.drain(deliver)
	} else {
		o.wait(r)
	}
	for len(o.waiting) > 0 && (len(o.waiting) > maxWaiting || o.bytes > maxWaitingBytes || int64(r.Time-o.waiting[0].Time) > maxWait) {
		o.giveUp(deliver, lose)
	}
}

// wait keeps a copy of a record.
func (o *order) wait(r *event.Stream) {
	kept := *r
	kept.Captured = slices.Clone(r.Captured)
	at, _ := slices.BinarySearchFunc(o.waiting, kept.From, func(w event.Stream, from uint32) int { return int(int32(w.From - from)) })
	o.waiting = slices.Insert(o.waiting, at, kept)
	o.bytes += len(kept.Captured)
}

// deliver hands on a record that is next, or what of it is new.
func (o *order) deliver(r *event.Stream, deliver func(*event.Stream)) {
	seen := o.next - r.From
	if seen > 0 && int32(r.To-o.next) <= 0 {
		return
	}
	if seen > 0 && r.Flags&event.Raw != 0 {
		r.Captured = r.Captured[seen:]
		r.From = o.next
	}
	o.next = r.To
	deliver(r)
}

// drain hands on what waited for what came.
func (o *order) drain(deliver func(*event.Stream)) {
	n := 0
	for n < len(o.waiting) && int32(o.waiting[n].From-o.next) <= 0 {
		o.bytes -= len(o.waiting[n].Captured)
		o.deliver(&o.waiting[n], deliver)
		n++
	}
	o.waiting = slices.Delete(o.waiting, 0, n)
}

// giveUp goes on behind what is missing.
func (o *order) giveUp(deliver func(*event.Stream), lose func(*event.Stream)) {
	lose(&o.waiting[0])
	o.known, o.next = true, o.waiting[0].From
	o.drain(deliver)
}

// end hands on everything that waits.
func (o *order) end(deliver func(*event.Stream), lose func(*event.Stream)) {
	for len(o.waiting) > 0 {
		o.giveUp(deliver, lose)
	}
}
