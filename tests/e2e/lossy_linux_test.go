// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// Both ends are in namespaces of their own, and each packet on the way between them can be lost, come twice or come
// late. What the sockets' programs see of that must not make up, double or spoil an exchange.
func TestPacketsThatAreLostComeTwiceOrComeLate(t *testing.T) {
	const (
		clients = 8
		rounds  = 40
	)
	needRoot(t)
	for name, faults := range badWires {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, faults)
			server := serve(t, w.ends[1].listen(t))
			p := capture(t, onlyPorts(t, server.addr))
			var all sync.WaitGroup
			for range clients {
				all.Go(func() { askOver(t, w.ends[0], server.addr, rounds) })
			}
			all.Wait()
			requests := clients * rounds * len(kinds)
			served := server.served(t, requests)
			p.finish(2 * requests)
			p.compareBoth(served)
			if lost, most := harness.Total(p.metrics.Losses()), 2*requests/1000; lost > most {
				t.Errorf("%d of %d exchanges' ends are lost, want at most %d: %v", lost, 2*requests, most, p.metrics.Losses())
			}
			w.harmed(t, requests)
		})
	}
}

var badWires = map[string]faulty{
	"lost":       {loss: 0.02},
	"twice":      {duplicate: 0.05},
	"late":       {reorder: 0.05},
	"everything": {loss: 0.01, duplicate: 0.02, reorder: 0.02},
}

// harmed says what happened to the packets of so many requests, and fails the test if nothing did.
func (w *wire) harmed(t *testing.T, requests int) {
	t.Helper()
	t.Logf("%d requests; of their packets %d were lost, %d came twice, %d came late",
		requests, w.lost.Load(), w.duplicated.Load(), w.swapped.Load())
	if w.lost.Load()+w.duplicated.Load()+w.swapped.Load() == 0 {
		t.Error("nothing happened to any packet")
	}
}

// Streams share a connection, and the names and values of their header fields depend on those of all streams before them:
// what is missed of one spoils the others. Every request has a path of its own. The beginning of a connection is what can
// go wrong most: there are many of them.
func TestStreamsWhosePacketsAreLostComeTwiceOrComeLate(t *testing.T) {
	const (
		clients = 24
		streams = 20
		rounds  = 8
	)
	needRoot(t)
	for name, faults := range badWires {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, faults)
			server := serve(t, w.ends[1].listen(t))
			p := capture(t, onlyPorts(t, server.addr))
			var all sync.WaitGroup
			for client := range clients {
				all.Go(func() { askStreamsOver(t, w.ends[0], server.addr, client, streams, rounds) })
			}
			all.Wait()
			requests := clients * (1 + streams*rounds)
			served := server.served(t, requests)
			p.finish(2 * requests)
			p.compareStreams(served)
			checkErrors(t, p.spans)
			w.harmed(t, requests)
		})
	}
}

// askStreamsOver sends a request, which makes a connection, and then many at once on that, from within a namespace.
func askStreamsOver(t *testing.T, from *namespace, addr string, number, streams, rounds int) {
	transport := &http.Transport{
		DialContext: func(_ context.Context, _, addr string) (net.Conn, error) { return from.dial(addr) },
		Protocols:   new(http.Protocols),
	}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: patience}
	if err := ask(t.Context(), &client, "GET", fmt.Sprintf("http://%s/of/%d", addr, number), ""); err != nil {
		t.Error(err)
		return
	}
	var all sync.WaitGroup
	for stream := range streams {
		all.Go(func() {
			for round := range rounds {
				method, body := "GET", ""
				if round%4 == 0 {
					method, body = "POST", strings.Repeat("y", 30*smallSize)
				}
				url := fmt.Sprintf("http://%s/of/%d/%d/%d", addr, number, stream, round)
				if err := ask(t.Context(), &client, method, url, body); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// kinds are requests whose heads and bodies have one packet or several, in either direction.
var kinds = []struct{ method, path, body string }{
	{"GET", "/small", ""},
	{"GET", "/absent", ""},
	{"POST", "/echo", strings.Repeat("y", 100*smallSize)},
	{"GET", "/chunked", ""},
	{"HEAD", "/small", ""},
}

// askOver sends requests of all kinds, one after the other, on one connection from within a namespace.
func askOver(t *testing.T, from *namespace, addr string, rounds int) {
	transport := &http.Transport{
		DialContext: func(_ context.Context, _, addr string) (net.Conn, error) { return from.dial(addr) },
	}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: patience}
	for range rounds {
		for _, kind := range kinds {
			if err := ask(t.Context(), &client, kind.method, "http://"+addr+kind.path, kind.body); err != nil {
				t.Error(err)
				return
			}
		}
	}
}

func ask(ctx context.Context, client *http.Client, method, url, body string) error {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return fmt.Errorf("read the answer to %s %s: %w", method, url, err)
	}
	return response.Body.Close()
}
