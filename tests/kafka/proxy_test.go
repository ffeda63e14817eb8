// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// proxy stands between an exporter and a broker and can lose the broker's answers.
//
//	exporter --requests--> proxy --requests--> broker
//	         <--answers---       <--answers---
//	               X lost while `losing`
//
// A connection on which an answer was lost is of no use any more, so cut must follow lose.
type proxy struct {
	listener net.Listener
	serving  sync.WaitGroup
	// lost gets a value, if there is room, whenever bytes of an answer were lost.
	lost chan struct{}

	mu     sync.Mutex // guards the following
	target string
	losing bool
	closed bool
	conns  map[net.Conn]struct{}
}

// startProxy listens; connect says to what.
func startProxy(t *testing.T) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, lost: make(chan struct{}, 1), conns: map[net.Conn]struct{}{}}
	p.serving.Go(p.accept)
	t.Cleanup(func() {
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		p.cut()
		p.serving.Wait()
	})
	return p
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

// connect sets the address that connections are forwarded to.
func (p *proxy) connect(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// lose makes answers vanish from now on and returns when the first has, or when time is up.
func (p *proxy) lose(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	p.losing = true
	p.mu.Unlock()
	timer := time.NewTimer(30 * time.Second)
	defer timer.Stop()
	select {
	case <-p.lost:
	case <-timer.C:
		t.Fatal("the broker answered nothing that could be lost")
	}
}

// cut ends all connections; those that come after are served well again.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.losing = false
	for conn := range p.conns {
		_ = conn.Close() // its own goroutine closes it too
	}
	select {
	case <-p.lost: // belongs to what was cut
	default:
	}
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.serving.Go(func() { p.serve(client) })
	}
}

// serve forwards one connection. A broker that is down looks like one that ends the connection at once.
func (p *proxy) serve(client net.Conn) {
	defer p.forget(client)
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	server, err := net.Dial("tcp4", target)
	if err != nil {
		return
	}
	defer p.forget(server)
	if !p.remember(client, server) {
		return
	}
	p.serving.Go(func() {
		_, _ = io.Copy(server, client) // ends when either side does
		_ = server.Close()             // wakes up the other direction
	})
	p.answers(client, server)
}

// answers forwards what the broker says, or loses it.
func (p *proxy) answers(client io.Writer, server io.Reader) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil {
			return
		}
		p.mu.Lock()
		losing := p.losing
		p.mu.Unlock()
		if losing {
			select {
			case p.lost <- struct{}{}:
			default:
			}
			continue
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// remember registers connections for cut; it returns false if there will be no more use for them.
func (p *proxy) remember(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		p.conns[conn] = struct{}{}
	}
	return !p.closed
}

func (p *proxy) forget(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
	_ = conn.Close() // may have been closed already
}
