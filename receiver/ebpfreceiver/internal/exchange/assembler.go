// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"time"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/http1"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/tls"
)

// Settings bound what an [Assembler] remembers.
type Settings struct {
	// MaxOpen is how many exchanges may be open; one more closes the one that has been quiet for the longest time.
	MaxOpen int
	// Timeout is for how long an open exchange may be quiet.
	Timeout time.Duration
	// RequestFields and ResponseFields are the names, in lower case, of header fields that are taken.
	RequestFields, ResponseFields []string
	// Owner is told of who is going to be asked for: processes that have their first socket, and the owners of exchanges
	// that are not complete yet. Nil is not called.
	Owner func(protocol.Owner)
}

// quiet is for how long an exchange may be quiet whose end cannot be told by counting, because its response's head is
// longer than what is captured, once it may have ended. Mostly it has long done so, so the span waits no longer than this.
const quiet = time.Second

// Assembler turns records into exchanges. See the package comment.
type Assembler struct {
	Counts   Counts
	settings Settings
	clock    *Clock
	sink     func(*protocol.Exchange)
	open     *table

	// Scratch of one call.
	request  http1.Request
	response http1.Response
	exchange protocol.Exchange
	stored   event.Event
	fields   [2][]protocol.Field // of the request, of the response

	// places is what was told of exchanges whose records are to follow.
	places map[protocol.ID]protocol.ID
}

// New returns an assembler that gives each exchange to sink, during the call that completes it: it is valid until sink
// returns.
func New(settings Settings, clock *Clock, sink func(*protocol.Exchange)) *Assembler {
	return &Assembler{settings: settings, clock: clock, sink: sink, open: newTable(), places: make(map[protocol.ID]protocol.ID)}
}

// Record takes one record of the ring buffer; its memory is not kept.
func (a *Assembler) Record(record []byte) {
	var e event.Event
	if err := e.Decode(record); err != nil {
		a.Counts.BadRecord.Add(1)
		return
	}
	switch e.Kind {
	case event.Exchange:
		a.begin(&e, record)
	case event.Response:
		a.respondAgain(&e)
	case event.Progress:
		a.progress(&e)
	case event.End:
		a.end(&e)
	case event.Within:
		a.note(&e)
	case event.Process:
		a.announce(ownerOf(&e))
	}
	a.Counts.Open.Store(int64(len(a.open.byCookie)))
}

// begin takes the record of a request and the first bytes of its response.
func (a *Assembler) begin(e *event.Event, record []byte) {
	a.supersede(e)
	within := a.within(e)
	if !a.readRequest(e) {
		a.Counts.BadRequest.Add(1)
		return
	}
	a.exchange.Within = within
	if !a.request.Complete {
		a.Counts.Truncated.Add(1)
	}
	if len(e.ResponseHead) == 0 {
		a.finish(e.Time, failure(e.Flags))
		return
	}
	if alert, ok := tls.PlainAlert(e.ResponseHead); ok {
		a.exchange.FirstByte, a.exchange.Alert = a.clock.Unix(e.Time), alert
		a.finish(e.Time, protocol.NeedsTLS)
		return
	}
	before, ok := a.readResponse(e.ResponseHead)
	if !ok {
		a.Counts.BadResponse.Add(1)
		return
	}
	a.exchange.FirstByte = a.clock.Unix(e.Time)
	b := newBody(a.request.Method, &a.response, before, uint64(len(e.ResponseHead)))
	switch {
	case b.complete(e.ResponseBytes, e.Flags):
		a.finish(e.Time, protocol.None)
	case e.Flags.Ended():
		a.finish(e.Time, b.failure(e.ResponseBytes, e.Flags))
	default:
		a.announce(a.exchange.Owner)
		a.open.add(e, record, b).within = a.exchange.Within
		a.bound()
	}
}

// maxPlaces bounds what is remembered of exchanges whose record is to follow at once, but may be lost.
const maxPlaces = 1024

// note remembers within which exchange another was made, for its record.
func (a *Assembler) note(e *event.Event) {
	if len(a.places) >= maxPlaces {
		clear(a.places)
	}
	a.places[protocol.ID{Cookie: e.Cookie, Number: e.Number}] = protocol.ID(e.Within)
}

// within returns what was noted of an exchange.
func (a *Assembler) within(e *event.Event) (place protocol.ID) {
	if len(a.places) > 0 {
		id := protocol.ID{Cookie: e.Cookie, Number: e.Number}
		place = a.places[id]
		delete(a.places, id)
	}
	return place
}

// announce tells of an owner.
func (a *Assembler) announce(owner protocol.Owner) {
	if a.settings.Owner != nil {
		a.settings.Owner(owner)
	}
}

// respondAgain takes a further status line: that of the final response after an interim one, or of a request that the
// kernel did not recognize.
func (a *Assembler) respondAgain(e *event.Event) {
	p := a.pending(e)
	switch {
	case p == nil:
		a.Counts.Unaligned.Add(1)
		return
	case !p.body.interim && !p.body.endUnknown():
		a.open.advance(p, e) // bytes of a body that look like a status line
		a.settle(p, e.Flags)
		return
	case !p.body.interim:
		a.Counts.Unaligned.Add(1)
		a.close(p, protocol.None)
		return
	}
	before := p.bytes
	captured := before + uint64(len(e.ResponseHead))
	a.open.advance(p, e)
	ok := a.restore(p)
	if ok {
		var interim uint64
		interim, ok = a.readResponse(e.ResponseHead)
		before += interim
	}
	if !ok {
		a.open.remove(p)
		a.Counts.BadResponse.Add(1)
		return
	}
	p.response = append(p.response[:0], e.ResponseHead...)
	p.body = newBody(a.request.Method, &a.response, before, captured)
	a.settle(p, e.Flags)
}

// progress takes more bytes of a response.
func (a *Assembler) progress(e *event.Event) {
	if p := a.pending(e); p != nil {
		a.open.advance(p, e)
		a.settle(p, e.Flags)
	}
}

// settle closes p if its response is complete.
func (a *Assembler) settle(p *pending, flags event.Flags) {
	if p.body.complete(p.bytes, flags) {
		a.close(p, protocol.None)
	}
}

// end takes the end of a connection. Its time is that of the last byte, if that came with it, else that of the close,
// which is no byte of the response.
func (a *Assembler) end(e *event.Event) {
	p := a.pending(e)
	if p == nil {
		return // complete long ago: most connections end so
	}
	if e.ResponseBytes != p.bytes || e.Flags&event.Fin == 0 && !p.body.trailed(p.bytes, e.Flags) {
		a.open.advance(p, e)
	}
	if p.body.complete(p.bytes, e.Flags) {
		a.close(p, protocol.None)
		return
	}
	a.close(p, p.body.failure(p.bytes, e.Flags))
}

// pending returns the open exchange that e is about; nil if it is complete or was never told.
func (a *Assembler) pending(e *event.Event) *pending {
	p := a.open.byCookie[e.Cookie]
	if p == nil || p.number != e.Number {
		return nil
	}
	return p
}

// supersede closes the exchange before e on its connection: it has ended, or its client would not have gone on. The
// kernel tells when its last byte passed, unless it is not the one right before.
func (a *Assembler) supersede(e *event.Event) {
	p := a.open.byCookie[e.Cookie]
	if p == nil {
		return
	}
	if p.number+1 == e.Number && e.PreviousTime != 0 {
		p.last, p.bytes = e.PreviousTime, e.PreviousBytes
	}
	if p.body.interim {
		a.open.remove(p)
		a.Counts.Orphaned.Add(1)
		return
	}
	a.close(p, protocol.None)
}

// bound closes the longest quiet exchange when one too many is open.
func (a *Assembler) bound() {
	if len(a.open.byCookie) > a.settings.MaxOpen {
		a.Counts.Evicted.Add(1)
		a.close(a.open.oldest(), protocol.None)
	}
}

// Expire closes what has been quiet for too long at the CLOCK_MONOTONIC time now, in ns. An exchange that ends so is
// complete as far as it was seen; only one without a final status line has failed.
func (a *Assembler) Expire(now uint64) {
	for element := a.open.order.Front(); element != nil; {
		p := element.Value.(*pending)
		element = element.Next()
		age := time.Duration(now - p.last)
		if age < min(quiet, a.settings.Timeout) || now < p.last {
			break
		}
		switch {
		case age >= a.settings.Timeout:
			a.Counts.TimedOut.Add(1)
			a.close(p, p.body.unanswered(protocol.Timeout))
		case p.body.endUnknown() && p.bytes >= p.body.least:
			a.Counts.EndUnknown.Add(1)
			a.close(p, protocol.None)
		case p.body.trailer && p.body.trailed(p.bytes, p.flags):
			a.close(p, protocol.None)
		}
	}
	a.Counts.Open.Store(int64(len(a.open.byCookie)))
}

// Close closes everything that is open, as far as it was seen.
func (a *Assembler) Close() {
	for p := a.open.oldest(); p != nil; p = a.open.oldest() {
		a.close(p, p.body.unanswered(protocol.Timeout))
	}
	a.Counts.Open.Store(0)
}
