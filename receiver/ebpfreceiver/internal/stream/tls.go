// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"net/netip"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/tls"
)

// Handshake is a TLS handshake, seen at one socket.
type Handshake struct {
	// Local and Peer are the ends of the connection.
	Local, Peer netip.AddrPort
	// Owner made the socket.
	Owner protocol.Owner
	// Side is which end Local is.
	Side protocol.Side
	// Handshake is what was seen. Its times are Unix nanoseconds.
	tls.Handshake
}

// shaking is a connection within its handshake.
type shaking struct {
	tracker    *Tracker
	connection *connection
	observer   *tls.Observer
	rest       [2]int    // bytes to come of a payload that records leave out
	tail       [2][]byte // the beginning of a record header that the last record ended with
	told       bool
}

func newShaking(t *Tracker, c *connection) *shaking {
	return &shaking{tracker: t, connection: c, observer: tls.NewObserver(t.settings.MaxHeaders, true)}
}

func (s *shaking) feed(r *event.Stream) {
	if s.told {
		return
	}
	fromClient := client(r)
	i := index(fromClient)
	captured := r.Captured
	if raw := r.Flags&event.Raw != 0; raw {
		s.observer.Elide(fromClient, false, s.rest[i])
		s.observer.Feed(fromClient, int64(r.Time), s.tail[i])
		s.rest[i], s.tail[i] = 0, s.tail[i][:0]
	} else {
		s.observer.Elide(fromClient, true, 0)
		whole := len(captured) - r.Tail
		s.rest[i], s.tail[i] = int(r.Rest), append(s.tail[i][:0], captured[whole:]...)
		captured = captured[:whole]
	}
	s.observer.Feed(fromClient, int64(r.Time), captured)
	if s.observer.Ended() {
		s.tell()
	}
}

func (s *shaking) done() bool { return s.told }

func (s *shaking) end(r *event.Stream) {
	why := tls.TimedOut
	switch failure(r.Flags) {
	case protocol.Reset:
		why = tls.ResetByPeer
	case protocol.Closed, protocol.Cancelled:
		why = tls.Closed
	}
	if r.Flags&event.Gap != 0 {
		s.abandon() // it could not be followed
		return
	}
	if !s.told && s.observer.Step != tls.Nothing {
		s.observer.Close(client(r), int64(r.Time), why)
		s.tell()
	}
}

// tell gives the handshake to the sink.
func (s *shaking) tell() {
	s.told = true
	c, clock := s.connection, s.tracker.clock
	h := Handshake{Local: c.local, Peer: c.peer, Owner: c.owner, Side: c.side, Handshake: s.observer.Handshake}
	h.Start, h.End = clock.Unix(uint64(h.Start)), clock.Unix(uint64(h.End))
	s.tracker.sink.Handshake(&h)
}

// lose gives up: a handshake has no second beginning.
func (s *shaking) lose(*event.Stream) { s.abandon() }

func (s *shaking) abandon() {
	if !s.told {
		s.tracker.Counts.Handshakes.Add(1)
	}
	s.told = true
	s.observer = tls.NewObserver(0, true)
}

func (*shaking) forget() {}

func (s *shaking) size() int { return s.observer.Size() }

func (*shaking) transient() bool { return true }
