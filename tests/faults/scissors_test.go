// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// step is a moment in the life of a produce request at which the connection is cut.
type step int

const (
	beforeRequest step = iota // the connection is closed while idle, so that the next request is written into nothing
	startRequest              // the request has begun, the broker gets none of it
	midRequest                // the broker gets half of the request
	afterRequest              // the request was sent in full, but dies in front of the broker
	afterAppend               // the broker did everything, its answer is lost
	midResponse               // half of the answer arrives
	steps
)

func (s step) String() string {
	return [...]string{
		"before the request is written", "at the first byte of the request", "in the middle of the request",
		"after the request, before the broker", "after the broker appended, before the response", "in the middle of the response",
	}[s]
}

// scissors decide which produce requests are cut. They let every first of each every requests pass.
type scissors struct {
	mu struct {
		sync.Mutex
		step  step
		every int // cut every n-th produce request, 0 cuts none
		seen  int
		left  int // cuts still to be made
		made  int
	}
}

func (s *scissors) arm(at step, every, cuts int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.step, s.mu.every, s.mu.left = at, every, cuts
}

// next tells whether the produce request that begins now is cut, and when.
func (s *scissors) next() (step, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.seen++
	if s.mu.every == 0 || s.mu.left == 0 || s.mu.seen%s.mu.every != 0 {
		return 0, false
	}
	s.mu.left--
	s.mu.made++
	return s.mu.step, true
}

func (s *scissors) made() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.made
}

// listen listens on loopback for a broker whose connections the scissors can reach.
func (s *scissors) listen(network, _ string) (net.Listener, error) {
	l, err := net.Listen(network, "127.0.0.1:0")
	return &cutListener{l, s}, err
}

type cutListener struct {
	net.Listener
	scissors *scissors
}

func (l *cutListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &cutConn{Conn: conn, scissors: l.scissors, doomed: make(map[uint32]step)}, nil
}

// cutConn stands between client and broker and knows where requests and answers begin.
type cutConn struct {
	net.Conn
	scissors *scissors

	pending []byte // of a request, for the broker to read
	last    bool   // cut when pending is used up

	mu     sync.Mutex
	doomed map[uint32]step // correlation ids of requests whose answers are cut
}

// Read hands requests to the broker.
func (c *cutConn) Read(b []byte) (int, error) {
	if len(c.pending) == 0 {
		if c.last {
			return 0, c.cut()
		}
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(b, c.pending)
	c.pending = c.pending[n:]
	return n, nil
}

// fill reads the next request from the client.
func (c *cutConn) fill() error {
	head := make([]byte, 12) // size, key, version, correlation id
	if _, err := io.ReadFull(c.Conn, head); err != nil {
		return err
	}
	isProduce := binary.BigEndian.Uint16(head[4:]) == uint16(kmsg.Produce)
	at, cut := step(0), false
	if isProduce {
		at, cut = c.scissors.next()
	}
	if cut && at == startRequest {
		return c.cut()
	}
	frame := make([]byte, 4+binary.BigEndian.Uint32(head))
	copy(frame, head)
	if _, err := io.ReadFull(c.Conn, frame[len(head):]); err != nil {
		return err
	}
	c.pending = frame
	if !cut {
		return nil
	}
	switch at {
	case midRequest:
		c.pending, c.last = frame[:len(frame)/2], true
	case afterRequest:
		return c.cut()
	default:
		c.mu.Lock()
		c.doomed[binary.BigEndian.Uint32(head[8:])] = at
		c.mu.Unlock()
	}
	return nil
}

// Write hands an answer to the client; the broker writes each in one piece.
func (c *cutConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	at, doomed := c.doomed[binary.BigEndian.Uint32(b[4:])]
	c.mu.Unlock()
	if !doomed {
		return c.Conn.Write(b)
	}
	switch at {
	case beforeRequest:
		if n, err := c.Conn.Write(b); err != nil {
			return n, err
		}
	case midResponse:
		if n, err := c.Conn.Write(b[:len(b)/2]); err != nil {
			return n, err
		}
	}
	return 0, c.cut()
}

func (c *cutConn) cut() error {
	if err := c.Conn.Close(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}

func TestScissorsCutTheRequestsTheyWereToldTo(t *testing.T) {
	s := &scissors{}
	s.arm(midRequest, 3, 2)
	var cut []int
	for i := 1; i <= 12; i++ {
		if _, yes := s.next(); yes {
			cut = append(cut, i)
		}
	}
	if len(cut) != 2 || cut[0] != 3 || cut[1] != 6 || s.made() != 2 {
		t.Fatalf("cut requests %v, want [3 6]", cut)
	}
}
