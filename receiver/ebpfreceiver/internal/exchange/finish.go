// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"errors"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/http1"
)

// failure names the way in which a connection ended.
func failure(flags event.Flags) protocol.Failure {
	switch {
	case flags&event.Reset != 0:
		return protocol.Reset
	case flags&event.Fin != 0:
		return protocol.Closed
	case flags&event.GivenUp != 0:
		return protocol.Cancelled
	default:
		return protocol.Timeout
	}
}

// failure says whether a connection that ended so after so many bytes has cut the response.
func (b *body) failure(bytes uint64, flags event.Flags) protocol.Failure {
	if b.trailed(bytes, flags) {
		return protocol.None
	}
	if failed := failure(flags); failed != protocol.Closed || !b.endsWithConnection(bytes) {
		return failed
	}
	return protocol.None
}

// unanswered returns f for a response whose final status line was never seen.
func (b *body) unanswered(f protocol.Failure) protocol.Failure {
	if b.interim {
		return f
	}
	return protocol.None
}

// readRequest starts the scratch exchange with the request of e; false if it is none.
func (a *Assembler) readRequest(e *event.Event) bool {
	if !usable(http1.ParseRequest(e.Request, &a.request)) {
		return false
	}
	r := &a.request
	a.exchange = protocol.Exchange{
		ID:    protocol.ID{Cookie: e.Cookie, Number: e.Number},
		Local: e.Local, Peer: e.Peer,
		Start:         a.clock.Unix(e.RequestTime),
		RequestBytes:  e.RequestBytes,
		ResponseBytes: e.ResponseBytes,
		Owner:         ownerOf(e),
		Threshold:     e.Threshold,
		Scale:         e.Scale,
		HTTP: protocol.HTTP{
			Method: r.Method, Target: r.Target, Host: r.Host, UserAgent: r.UserAgent,
			TraceParent: r.TraceParent, TraceState: r.TraceState,
			B3: r.B3, B3TraceID: r.B3TraceID, B3SpanID: r.B3SpanID, B3Sampled: r.B3Sampled,
			Minor: r.Minor, TargetCut: r.TargetCut,
		},
		Kind: protocol.HTTP1,
	}
	if e.Client {
		a.exchange.Side = protocol.Client
	}
	a.exchange.HTTP.RequestFields = a.selectFields(0, e.Request, a.settings.RequestFields)
	return true
}

// ownerOf returns the owner that e tells of.
func ownerOf(e *event.Event) protocol.Owner {
	return protocol.Owner{
		Created: e.Owner.Created, CgroupID: e.CgroupID, PID: e.Owner.PID, Comm: e.Owner.Comm, Inherited: e.Owner.Inherited,
	}
}

// readResponse adds the response that begins with head; false if it is none. Of interim responses and one behind them in
// the same packet it is the last, and before is how many bytes the others have.
func (a *Assembler) readResponse(head []byte) (before uint64, ok bool) {
	if !usable(http1.ParseResponse(head, &a.response)) {
		return 0, false
	}
	for a.response.Status/100 == 1 && a.response.Status != 101 && a.response.Complete {
		var next http1.Response
		behind := head[a.response.HeadLen:]
		if !usable(http1.ParseResponse(behind, &next)) {
			break
		}
		before += uint64(a.response.HeadLen)
		head, a.response = behind, next
	}
	a.exchange.HTTP.Status = 0
	if a.response.Status/100 != 1 || a.response.Status == 101 {
		a.exchange.HTTP.Status = a.response.Status
	}
	a.exchange.HTTP.ResponseFields = a.selectFields(1, head, a.settings.ResponseFields)
	return before, true
}

// selectFields returns the fields of a head that the configuration names.
func (a *Assembler) selectFields(message int, head []byte, names []string) []protocol.Field {
	if len(names) == 0 {
		return nil
	}
	fields := a.fields[message][:0]
	http1.Select(head, names, func(name int, value []byte) {
		fields = append(fields, protocol.Field{Name: names[name], Value: value})
	})
	a.fields[message] = fields
	return fields
}

// usable says whether a parser's result may be used in spite of err.
func usable(err error) bool {
	return err == nil || errors.Is(err, http1.ErrField) || errors.Is(err, http1.ErrContentLength)
}

// restore reads the scratch exchange again from what p keeps.
func (a *Assembler) restore(p *pending) bool {
	if a.stored.Decode(p.record) != nil || !a.readRequest(&a.stored) {
		return false
	}
	a.exchange.FirstByte = a.clock.Unix(a.stored.Time)
	a.exchange.Within = p.within
	return true
}

// close forgets p and gives it to the sink with what was seen of it.
func (a *Assembler) close(p *pending, f protocol.Failure) {
	head := p.response
	ok := a.restore(p)
	if len(head) == 0 {
		head = a.stored.ResponseHead
	}
	if ok {
		_, ok = a.readResponse(head)
	}
	if !ok {
		a.Counts.BadResponse.Add(1) // never: both were read once before
		a.open.remove(p)
		return
	}
	a.exchange.ResponseBytes = p.bytes
	a.finish(p.last, f)
	a.open.remove(p)
}

// finish gives the scratch exchange to the sink.
func (a *Assembler) finish(end uint64, f protocol.Failure) {
	a.exchange.End = a.clock.Unix(end)
	a.exchange.Failure = f
	a.sink(&a.exchange)
}
