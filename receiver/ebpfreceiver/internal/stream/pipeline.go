// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"errors"
	"slices"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/http1"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/http2"
)

// pipeline is a connection of HTTP/1 whose client does not wait for an answer before it asks again. Answers come in the
// order of the questions (RFC 9112 section 9.3.2), so whatever was missed, it is not known any more which answer is whose,
// until the client has been quiet.
type pipeline struct {
	tracker    *Tracker
	connection *connection
	record     *event.Stream // while it is read
	sides      [2]message    // the server's, the client's
	asked      []asked       // whose answer is not whole, in order
	begun      bool          // the first request was seen, which the kernel has counted
	lost       bool          // bytes were missed
	over       bool          // what follows is no HTTP any more
	last       uint64        // CLOCK_MONOTONIC ns of the last record

	// Scratch of one message.
	request  http1.Request
	response http1.Response
}

// asked is a request.
type asked struct {
	call   *call  // nil: it was closed before its end
	method []byte // if that decides about the answer's body, else nil
}

// resume is for how long, in ns, a client has to be quiet until its next request is taken for the first of a new sequence.
const resume = 1_000_000_000

func newPipeline(t *Tracker, c *connection) *pipeline { return &pipeline{tracker: t, connection: c} }

func (p *pipeline) size() int {
	return cap(p.sides[0].text) + cap(p.sides[1].text) + callSize*len(p.asked)
}

func (*pipeline) transient() bool { return false }

func (*pipeline) done() bool { return false }

func (p *pipeline) feed(r *event.Stream) {
	quiet := int64(r.Time-p.last) > resume
	p.last = max(p.last, r.Time)
	p.record = r
	switch {
	case p.over:
	case r.Flags&event.Raw == 0 && uint32(len(r.Captured)) < r.To-r.From:
		if len(r.Captured) > 0 {
			p.earlier(r)
		}
	case !p.lost || p.found(quiet):
		fromClient := client(r)
		for input := r.Captured; len(input) > 0 && !p.lost && !p.over; {
			input = input[p.read(fromClient, input):]
		}
	}
}

// found says whether a sequence begins anew with the record, after bytes were missed. A request that does not is counted.
func (p *pipeline) found(quiet bool) bool {
	if !client(p.record) || !http1.IsRequest(p.record.Captured) {
		return false
	}
	p.lost = !quiet
	if p.lost {
		p.tracker.Counts.Requests.Add(1)
		p.tracker.Counts.Missed.Add(1)
	}
	return quiet
}

// read reads what comes next of one direction, and returns how many bytes that are.
func (p *pipeline) read(fromClient bool, input []byte) int {
	m := &p.sides[index(fromClient)]
	if m.part == inHead {
		n, whole := m.head(input, p.record.To-uint32(len(input)), p.record.Time, p.tracker.settings.MaxHeaders)
		if whole && fromClient {
			p.ask(m)
		} else if whole {
			p.answer(m)
		}
		return n
	}
	n, end, err := m.body(input)
	if err != nil {
		p.tracker.Counts.Malformed.Add(1)
		p.lose(p.record)
		return len(input)
	}
	p.pass(fromClient, uint64(n))
	if end {
		p.ended(fromClient)
	}
	return n
}

// pass counts bytes of the message that a direction is saying.
func (p *pipeline) pass(fromClient bool, n uint64) {
	if len(p.asked) == 0 {
		return // the rest of a request that was answered before it was whole
	}
	k := p.asked[0].call
	if fromClient {
		k = p.asked[len(p.asked)-1].call
	}
	switch {
	case k == nil:
		return
	case fromClient:
		k.sent += n
	default:
		k.received += n
	}
	k.last = p.record.Time
	p.tracker.calls.touch(&k.place, k.last)
}

// ended goes on behind the end of a message.
func (p *pipeline) ended(fromClient bool) {
	p.sides[index(fromClient)].part = inHead
	if fromClient {
		return
	}
	if k := p.asked[0].call; k != nil {
		p.tell(k, p.record.Time, protocol.None)
	}
	p.asked = slices.Delete(p.asked, 0, 1)
}

// ask takes the head of a request.
func (p *pipeline) ask(m *message) {
	length := m.length
	if !p.begin(m.text, m.at, m.begin) {
		p.tracker.Counts.Malformed.Add(1)
		p.lose(p.record)
		return
	}
	p.pass(true, length)
	body := http1.RequestBody(&p.request)
	if body.Framing == http1.Unknown && p.request.Complete {
		p.tracker.Counts.Malformed.Add(1)
		p.lose(p.record)
		return
	}
	if !m.follow(body) {
		p.ended(true)
	}
}

// begin opens the call of a request that begins with head, at this sequence number.
func (p *pipeline) begin(head []byte, at uint32, now uint64) bool {
	if !usable(http1.ParseRequest(head, &p.request)) {
		return false
	}
	if p.begun {
		p.tracker.Counts.Requests.Add(1)
	}
	p.begun = true
	r := &p.request
	fields := &p.tracker.fields
	fields.Reset()
	fields.Set(http2.Method, r.Method)
	fields.Set(http2.Path, r.Target)
	fields.Set(http2.Authority, r.Host)
	fields.Set(http2.UserAgent, r.UserAgent)
	fields.Set(http2.TraceParent, r.TraceParent)
	fields.Set(http2.TraceState, r.TraceState)
	fields.Set(http2.B3, r.B3)
	fields.Set(http2.B3TraceID, r.B3TraceID)
	fields.Set(http2.B3SpanID, r.B3SpanID)
	fields.Set(http2.B3Sampled, r.B3Sampled)
	names := p.tracker.settings.RequestFields
	p.take(head, names)
	k := p.tracker.newCall(p, at, fields, names, now)
	k.kind, k.minor, k.cut = protocol.HTTP1, r.Minor, r.TargetCut
	p.asked = append(p.asked, asked{call: k, method: deciding(r.Method)})
	return true
}

// take finds the fields that the configuration names.
func (p *pipeline) take(head []byte, names []string) {
	if len(names) == 0 {
		return
	}
	fields := &p.tracker.fields
	http1.Select(head, names, func(name int, value []byte) {
		fields.Taken = append(fields.Taken, http2.Taken{Name: name, Value: value})
	})
}

// deciding returns a method that decides about the body of an answer, nil for any other.
func deciding(method []byte) []byte {
	switch string(method) {
	case "HEAD":
		return []byte("HEAD")
	case "CONNECT":
		return []byte("CONNECT")
	}
	return nil
}

// usable says whether a parser's result may be used in spite of err.
func usable(err error) bool {
	return !errors.Is(err, http1.ErrStartLine) && !errors.Is(err, http1.ErrCut)
}

// earlier takes the request that had come before the connection was known to be one of these, of which only the beginning was
// captured. Another one may be in what was not, and its answer would be taken for a later one's: it is not if a body with a
// length takes all that has passed.
func (p *pipeline) earlier(r *event.Stream) {
	if p.lost || !p.begin(r.Captured, r.From, r.Time) {
		p.tracker.Counts.Malformed.Add(1)
		p.lose(r)
		return
	}
	passed := int64(r.To - r.From)
	p.pass(true, uint64(passed))
	body := http1.RequestBody(&p.request)
	body.Length -= passed - int64(p.request.HeadLen)
	if body.Framing != http1.Length || !p.request.Complete || body.Length < 0 {
		p.lose(r)
		return
	}
	p.sides[index(true)].follow(body)
}

// answer takes the head of a response.
func (p *pipeline) answer(m *message) {
	length := m.length
	if len(p.asked) == 0 || !usable(http1.ParseResponse(m.text, &p.response)) {
		p.tracker.Counts.Unmatched.Add(1)
		p.lose(p.record)
		return
	}
	p.pass(false, length)
	first := &p.asked[0]
	body := http1.ResponseBody(first.method, &p.response)
	if k := first.call; k != nil {
		fields, names := &p.tracker.fields, p.tracker.settings.ResponseFields
		fields.Reset()
		fields.Status = p.response.Status
		p.take(m.text, names)
		k.answer(fields, names, m.begin, 0)
		if body.Framing == http1.Tunnel {
			k.status = p.response.Status
		}
	}
	switch {
	case body.Framing == http1.Unknown:
		p.tracker.Counts.Malformed.Add(1)
		p.lose(p.record)
	case body.Framing == http1.Tunnel:
		p.over = true
		p.ended(false)
	case p.response.Status/100 == 1:
		m.length = 0
	case !m.follow(body):
		p.ended(false)
	}
}

// lose forgets whose answer is whose. A response that has begun lasts until its last byte that was seen; a call whose
// outcome was missed is not told.
func (p *pipeline) lose(*event.Stream) {
	for _, a := range p.asked {
		switch {
		case a.call == nil:
		case a.call.status == 0:
			p.tracker.Counts.Missed.Add(1)
			p.tracker.freeCall(a.call)
		default:
			p.tell(a.call, a.call.last, protocol.None)
		}
	}
	p.asked = p.asked[:0]
	for i := range p.sides {
		p.sides[i].restart()
	}
	p.lost = true
}

// tell gives a call to the sink.
func (p *pipeline) tell(k *call, now uint64, how protocol.Failure) {
	p.connection.tell(k, now, how)
	p.tracker.freeCall(k)
}

func (p *pipeline) end(r *event.Stream) {
	if r.Flags&event.Gap != 0 {
		p.lose(r)
	}
	how := failure(r.Flags)
	for i, a := range p.asked {
		switch {
		case a.call == nil:
		case i == 0 && p.sides[index(false)].part == inRest && how == protocol.Closed:
			p.tell(a.call, a.call.last, protocol.None)
		default:
			p.tell(a.call, r.Time, how)
		}
	}
	p.asked = p.asked[:0]
}

// timeout closes a call that was quiet for too long.
func (p *pipeline) timeout(k *call) {
	how := protocol.Timeout
	if k.status != 0 {
		how = protocol.None
	}
	p.close(k, k.last, how)
}

// close closes a call ahead of its end, whose answer is still to come.
func (p *pipeline) close(k *call, now uint64, how protocol.Failure) {
	for i := range p.asked {
		if p.asked[i].call == k {
			p.asked[i].call = nil
		}
	}
	p.tell(k, now, how)
}

func (p *pipeline) abandon() {
	for _, a := range p.asked {
		if a.call != nil {
			p.tracker.Counts.Evicted.Add(1)
			p.tell(a.call, a.call.last, protocol.None)
		}
	}
	p.asked = p.asked[:0]
	p.lose(nil)
	for i := range p.sides {
		p.sides[i] = message{}
	}
}

func (p *pipeline) forget() {
	for _, a := range p.asked {
		if a.call != nil {
			p.tracker.freeCall(a.call)
		}
	}
	p.asked = nil
}
