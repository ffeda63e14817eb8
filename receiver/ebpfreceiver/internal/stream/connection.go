// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"net/netip"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

// connection is who talks to whom.
type connection struct {
	tracker     *Tracker
	cookie      uint64
	opened      uint64 // CLOCK_MONOTONIC ns from which on it was followed
	last        uint64 // of the last record
	local, peer netip.AddrPort
	owner       protocol.Owner
	side        protocol.Side
	orders      [2]order          // the server's, the client's
	place       place[connection] // among all
	passing     place[connection] // among those that are transient
	speaker     speaker
	late        bool // what is fed has waited in vain for what was missed: whatever answered it may have been fed before
	size        int  // bytes that it was last known to take
}

// connectionSize is how many bytes a connection takes, about, with its place in the tables.
const connectionSize = 1024

// speaker understands what is said on a connection.
type speaker interface {
	// feed takes a record, the next of its direction.
	feed(r *event.Stream)
	// lose says that bytes of the direction of r were missed before it.
	lose(r *event.Stream)
	// done says that nothing more is of interest.
	done() bool
	// end says that the connection ended.
	end(r *event.Stream)
	// abandon closes what is open as far as it was seen, and forgets what was learned.
	abandon()
	// forget drops what is kept, without a word.
	forget()
	// size is how many bytes are kept, about.
	size() int
	// transient says that a quiet connection is of no more interest.
	transient() bool
}

// newConnection returns a connection as its first record tells it.
func newConnection(t *Tracker, e *event.Event) *connection {
	c := &connection{
		tracker: t,
		cookie:  e.Cookie, opened: e.Time, last: e.Time, local: e.Local, peer: e.Peer, owner: ownerOf(e),
	}
	if e.Client {
		c.side = protocol.Client
	}
	return c
}

// lose tells the speaker that bytes were missed.
func (c *connection) lose(r *event.Stream) {
	c.tracker.Counts.Gaps.Add(1)
	c.speaker.lose(r)
}

// tell gives a call to the sink.
func (c *connection) tell(k *call, now uint64, how protocol.Failure) {
	t := c.tracker
	x := &t.exchange
	*x = protocol.Exchange{} // what it was given to may have written to it
	x.Local, x.Peer, x.Owner, x.Side, x.Failure = c.local, c.peer, c.owner, c.side, how
	x.Start, x.FirstByte, x.End = t.clock.Unix(k.start), t.clock.Unix(k.first), t.clock.Unix(now)
	k.fill(x)
	t.sink.Exchange(x)
}

// ownerOf returns who made the socket of a connection.
func ownerOf(e *event.Event) protocol.Owner {
	return protocol.Owner{
		Created: e.Owner.Created, CgroupID: e.CgroupID, PID: e.Owner.PID, Comm: e.Owner.Comm, Inherited: e.Owner.Inherited,
	}
}

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
