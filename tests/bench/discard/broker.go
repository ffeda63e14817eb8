// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package discard

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Broker is a running broker. Its methods may be called from any goroutine.
type Broker struct {
	listener   net.Listener
	host       string
	port       int32
	partitions *partitions
	// partitionCount is how many partitions every topic has.
	partitionCount int32
	nextProducer   atomic.Int64
	// latency passes between reading a produce request and answering it; the next one is read meanwhile.
	latency time.Duration

	serving sync.WaitGroup
	mu      sync.Mutex // guards the following
	closed  bool
	conns   map[net.Conn]struct{}
}

// Start runs a broker on a free port of 127.0.0.1 on which every topic has that many partitions and
// every answer comes that much later. Close ends it.
func Start(partitionCount int32, latency time.Duration) (*Broker, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start discarding broker: %w", err)
	}
	at := listener.Addr().(*net.TCPAddr)
	b := &Broker{
		listener:       listener,
		host:           at.IP.String(),
		port:           int32(at.Port),
		partitions:     newPartitions(),
		partitionCount: partitionCount,
		latency:        latency,
		conns:          map[net.Conn]struct{}{},
	}
	b.serving.Go(b.accept)
	return b, nil
}

// Addr returns the address as "host:port".
func (b *Broker) Addr() string { return b.listener.Addr().String() }

// Take returns what a topic has received since it was last taken, and forgets the topic with its sequences.
func (b *Broker) Take(topic string) Totals { return b.partitions.take(topic) }

// Close ends all connections and returns when nothing runs any more.
func (b *Broker) Close() error {
	b.mu.Lock()
	b.closed = true
	err := b.listener.Close()
	for conn := range b.conns {
		// The connection's goroutine closes it as well, and whoever comes second gets an error that tells nothing.
		_ = conn.Close()
	}
	b.mu.Unlock()
	b.serving.Wait()
	return err
}

// accept serves connections until the listener is closed.
func (b *Broker) accept() {
	for {
		conn, err := b.listener.Accept()
		if err != nil {
			return // closed: an accept on loopback has no other way to fail for good
		}
		if !b.register(conn) {
			_ = conn.Close() // nothing was exchanged yet
			return
		}
		b.serving.Go(func() {
			defer b.forget(conn)
			// A producer that goes away or breaks the protocol sees its connection end; it reports that itself.
			_ = b.serve(conn)
		})
	}
}

func (b *Broker) register(conn net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.conns[conn] = struct{}{}
	return true
}

func (b *Broker) forget(conn net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.conns, conn)
	_ = conn.Close() // may have been closed by Close already
}

// errTooLarge says that a request is larger than any that a producer in a benchmark has reason to send.
var errTooLarge = errors.New("request is too large")
