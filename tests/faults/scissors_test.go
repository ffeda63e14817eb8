// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"maps"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// scissors decide which requests of one type meet with a fault: every n-th, until there were enough. They note the types
// of all requests.
type scissors struct {
	// late is how long the answer takes that comes late.
	late time.Duration

	mu struct {
		sync.Mutex
		key   kmsg.Key
		fault fault
		every int // every n-th request of that type has the fault, 0 means none
		seen  int
		left  int // faults still to come
		made  int
		types map[kmsg.Key]int // how often the exporter sent which type
		// choose, if not nil, replaces key, fault and every: it returns the fault of a request, or false for none.
		choose func(kmsg.Key) (fault, bool)
	}
}

// fault is what happens to a request.
type fault struct {
	at step
	// code is the error that wrongAnswer puts into the answer.
	code int16
}

// arm makes produce requests fail at a step.
func (s *scissors) arm(at step, every, cuts int) { s.armFor(kmsg.Produce, fault{at: at}, every, cuts) }

// storm makes requests fail as choose says, until there were so many faults. It is called by one goroutine at a time.
func (s *scissors) storm(choose func(kmsg.Key) (fault, bool), faults int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.choose, s.mu.left = choose, faults
}

// armFor makes requests of a type fail.
func (s *scissors) armFor(key kmsg.Key, f fault, every, faults int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.key, s.mu.fault, s.mu.every, s.mu.left = key, f, every, faults
}

// next tells whether the request that begins now has a fault, and which.
func (s *scissors) next(key kmsg.Key) (fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.types == nil {
		s.mu.types = make(map[kmsg.Key]int)
	}
	s.mu.types[key]++
	if s.mu.choose != nil {
		f, faulty := s.mu.choose(key)
		if !faulty || s.mu.left == 0 {
			return fault{}, false
		}
		s.mu.left--
		s.mu.made++
		return f, true
	}
	if key != s.mu.key {
		return fault{}, false
	}
	s.mu.seen++
	if s.mu.every == 0 || s.mu.left == 0 || s.mu.seen%s.mu.every != 0 {
		return fault{}, false
	}
	s.mu.left--
	s.mu.made++
	return s.mu.fault, true
}

// types returns the types of requests that were sent so far.
func (s *scissors) types() []kmsg.Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.mu.types))
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
	return &cutConn{Conn: conn, scissors: l.scissors, doomed: make(map[uint32]doom), closed: make(chan struct{})}, nil
}

func TestScissorsCutTheRequestsTheyWereToldTo(t *testing.T) {
	s := &scissors{}
	s.arm(midRequest, 3, 2)
	var cut []int
	for i := 1; i <= 12; i++ {
		s.next(kmsg.Metadata)
		if _, yes := s.next(kmsg.Produce); yes {
			cut = append(cut, i)
		}
	}
	if len(cut) != 2 || cut[0] != 3 || cut[1] != 6 || s.made() != 2 {
		t.Fatalf("cut requests %v, want [3 6]", cut)
	}
}
