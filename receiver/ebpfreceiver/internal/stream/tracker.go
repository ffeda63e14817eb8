// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"sync/atomic"
	"time"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/exchange"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/http2"
)

// Settings bound what a [Tracker] remembers.
type Settings struct {
	// MaxOpen is how many calls may be open; one more closes the one that was quiet for the longest time.
	MaxOpen int
	// MaxMemory is how many bytes connections and calls may take, about.
	MaxMemory int
	// MaxHeaders is how many bytes of a header block or of a handshake message are looked at, and how many bytes of
	// header fields a direction remembers.
	MaxHeaders int
	// Timeout is for how long an open call, or a handshake, may be quiet.
	Timeout time.Duration
	// RequestFields and ResponseFields are the names, in lower case, of header fields that are taken.
	RequestFields, ResponseFields []string
	// Bare says that nobody wants to know more of a call than what metrics are told apart by: of its request the method
	// and the path, and how it ended. What else the known header fields say is then absent.
	Bare bool
}

// names are the header fields that are taken of messages of a direction.
func (s *Settings) names(client bool) []string {
	if client {
		return s.RequestFields
	}
	return s.ResponseFields
}

// Counts are what a [Tracker] counts. Each may be read at any time by any goroutine.
type Counts struct {
	// BadRecord counts records that do not keep the layout.
	BadRecord atomic.Int64
	// Requests counts exchanges begun.
	Requests atomic.Int64
	// Unknown counts records of connections that are not known, because they were forgotten.
	Unknown atomic.Int64
	// Gaps counts places where bytes or records of a direction were missed.
	Gaps atomic.Int64
	// Malformed counts directions that are not what they were taken for.
	Malformed atomic.Int64
	// Unmatched counts responses whose request was not seen.
	Unmatched atomic.Int64
	// Missed counts exchanges whose outcome was in what was missed: they are not told.
	Missed atomic.Int64
	// UnknownFields counts header fields that refer to something that was not seen, and CutHeaders header blocks that
	// are longer than what is looked at: values in them are absent.
	UnknownFields, CutHeaders atomic.Int64
	// Pushed counts streams that a server opened; they become no exchange, as nobody asked.
	Pushed atomic.Int64
	// Evicted counts calls closed before their end was seen because of a bound, TimedOut because they were quiet.
	Evicted, TimedOut atomic.Int64
	// Forgotten counts connections forgotten because of MaxMemory.
	Forgotten atomic.Int64
	// Handshakes counts those that are not known to have ended, by having gone quiet or been cut.
	Handshakes atomic.Int64
	// Open is the number of open calls, Connections that of connections, Memory the bytes that they take, about.
	Open, Connections, Memory atomic.Int64
}

// Sink takes what becomes of the records. What it is given is valid until it returns.
type Sink interface {
	// Exchange takes a request with its response.
	Exchange(x *protocol.Exchange)
	// Handshake takes a TLS handshake that has ended.
	Handshake(h *Handshake)
}

// Tracker follows connections. See the package comment.
type Tracker struct {
	Counts   Counts
	settings Settings
	clock    *exchange.Clock
	sink     Sink

	connections map[uint64]*connection
	names       [2]*http2.Names // of the server's messages, of the client's
	quiet       queue[connection]
	transient   queue[connection] // those of them that are of no more interest once they are quiet
	calls       queue[call]
	free        []*call
	spare       spare
	memory      int

	// Scratch of one record.
	record   event.Stream
	fields   http2.Fields
	exchange protocol.Exchange
}

// quietSteps is how many steps of being quiet are told apart within the timeout.
const quietSteps = 64

// New returns a tracker that gives what it finds to sink.
func New(settings Settings, clock *exchange.Clock, sink Sink) *Tracker {
	t := &Tracker{settings: settings, clock: clock, sink: sink, connections: make(map[uint64]*connection)}
	for i := range t.names {
		t.names[i] = http2.NewNames(settings.names(i == index(true)), !settings.Bare)
	}
	step := uint64(settings.Timeout / quietSteps)
	t.quiet.init(step)
	t.transient.init(step)
	t.calls.init(step)
	return t
}

// Is says whether a record of the ring is one of a stream.
func Is(record []byte) bool {
	kind := event.KindOf(record)
	return event.StreamOpen <= kind && kind <= event.StreamEnd
}

// Record takes one record for which [Is] holds; its memory is not kept.
func (t *Tracker) Record(record []byte) {
	if event.KindOf(record) == event.StreamOpen {
		t.open(record)
		return
	}
	r := &t.record
	if r.Decode(record) != nil {
		t.Counts.BadRecord.Add(1)
		return
	}
	c := t.connections[r.Cookie]
	if c == nil {
		if r.Kind == event.StreamData {
			t.Counts.Unknown.Add(1)
		}
		return
	}
	c.last = r.Time
	t.touch(c)
	if r.Kind == event.StreamEnd {
		for i := range c.orders {
			c.orders[i].end(c)
		}
		c.speaker.end(r)
		t.remove(c)
		return
	}
	t.data(c, r)
}

// touch notes that a connection goes on.
func (t *Tracker) touch(c *connection) {
	t.quiet.touch(&c.place, c.last)
	if c.passing.of != nil {
		t.transient.touch(&c.passing, c.last)
	}
}

// data puts a record in its place, and has what is in order understood.
func (t *Tracker) data(c *connection, r *event.Stream) {
	c.orders[index(client(r))].push(r, c)
	if c.speaker.done() {
		t.remove(c)
		return
	}
	t.account(c)
}

// index is that of a direction.
func index(client bool) int {
	if client {
		return 1
	}
	return 0
}

// open begins a connection, or tells that another process has accepted it.
func (t *Tracker) open(record []byte) {
	var e event.Event
	if e.Decode(record) != nil || e.Protocol < event.HTTP2 || e.Protocol > event.Pipelined {
		t.Counts.BadRecord.Add(1)
		return
	}
	if known := t.connections[e.Cookie]; known != nil && known.opened == e.Time {
		known.owner = ownerOf(&e)
		return
	} else if known != nil {
		known.speaker.end(&event.Stream{Flags: event.Rested}) // the record that says so found no room in the ring
		t.remove(known)
	}
	c := newConnection(t, &e)
	switch e.Protocol {
	case event.TLS:
		c.speaker = newShaking(t, c)
	case event.Pipelined:
		c.speaker = newPipeline(t, c)
	default:
		c.speaker = newConversation(t, c, e.Flags)
	}
	t.connections[e.Cookie] = c
	t.quiet.add(&c.place, c, c.last)
	if c.speaker.transient() {
		t.transient.add(&c.passing, c, c.last)
	}
	t.account(c)
	t.Counts.Connections.Store(int64(len(t.connections)))
}

// remove forgets a connection that has nothing open any more.
func (t *Tracker) remove(c *connection) {
	t.memory -= c.size
	c.speaker.forget()
	t.quiet.remove(&c.place)
	if c.passing.of != nil {
		t.transient.remove(&c.passing)
	}
	delete(t.connections, c.cookie)
	t.Counts.Connections.Store(int64(len(t.connections)))
	t.Counts.Memory.Store(int64(t.memory))
}

// account notes what a connection takes now, and forgets what is too much: what was learned on quiet connections, and
// if that is not enough, them.
func (t *Tracker) account(c *connection) {
	t.resize(c)
	if t.memory > t.settings.MaxMemory {
		t.quiet.last(&c.place, c.last)
		t.forget()
	}
	t.Counts.Memory.Store(int64(t.memory))
}

// forget forgets what is too much.
func (t *Tracker) forget() {
	for c := t.quiet.first(); c != nil && t.memory > t.settings.MaxMemory; c = c.place.next() {
		if c.speaker.size() > 0 {
			c.speaker.abandon()
			t.resize(c)
			t.Counts.Forgotten.Add(1)
		}
	}
	for t.memory > t.settings.MaxMemory && t.quiet.length > 1 {
		t.Counts.Forgotten.Add(1)
		t.remove(t.quiet.first())
	}
}

func (t *Tracker) resize(c *connection) {
	size := connectionSize + c.speaker.size() + c.orders[0].size() + c.orders[1].size()
	t.memory += size - c.size
	c.size = size
}

// Expire closes calls and handshakes that have been quiet for too long at the CLOCK_MONOTONIC time now, in ns.
func (t *Tracker) Expire(now uint64) {
	for k := t.calls.first(); k != nil; k = t.calls.first() {
		if now < k.last || time.Duration(now-k.last) < t.settings.Timeout {
			break
		}
		t.Counts.TimedOut.Add(1)
		k.of.timeout(k)
	}
	for c := t.transient.first(); c != nil; c = t.transient.first() {
		if now < c.last || time.Duration(now-c.last) < t.settings.Timeout {
			break
		}
		c.speaker.abandon()
		t.remove(c)
	}
}

// Close closes everything that is open, as far as it was seen.
func (t *Tracker) Close() {
	for _, c := range t.connections {
		c.speaker.abandon()
		t.remove(c)
	}
}
