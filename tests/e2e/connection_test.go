// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// oneExchange has a collector watch what talk does, which is one exchange, and returns its two spans.
func oneExchange(t *testing.T, talk func(c *raw)) (server, client spanOf) {
	t.Helper()
	return oneExchangeOf(t, func(addr string) { talk(dial(t, addr)) })
}

// oneExchangeOf is oneExchange for what connects itself.
func oneExchangeOf(t *testing.T, talk func(addr string)) (server, client spanOf) {
	t.Helper()
	needRoot(t)
	s := startServer(t, "127.0.0.1")
	p := capture(t, onlyPorts(t, s.addr))
	before := time.Now()
	talk(s.addr)
	s.served(t, 1)
	spans := p.finish(2)
	servers, clients := only(spans, ptrace.SpanKindServer), only(spans, ptrace.SpanKindClient)
	if len(servers) != 1 || len(clients) != 1 {
		t.Fatalf("%d server and %d client spans", len(servers), len(clients))
	}
	for _, span := range spans {
		if start := span.StartTimestamp().AsTime(); start.Before(before.Add(-clockError)) {
			t.Errorf("starts %v before the connection: %s", before.Sub(start), describe(span))
		}
		if end := span.EndTimestamp().AsTime(); end.After(time.Now().Add(clockError)) {
			t.Errorf("ends in the future: %s", describe(span))
		}
	}
	return spanOf{t, servers[0]}, spanOf{t, clients[0]}
}

// clockError is by how much the kernel's clock, to which wall time has to be added, may be off.
const clockError = 50 * time.Millisecond

func TestHundredContinueIsNotTheAnswer(t *testing.T) {
	server, client := oneExchange(t, func(c *raw) {
		c.say("POST /echo HTTP/1.1\r\nHost: shop\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
		c.hear("HTTP/1.1 100 Continue\r\n\r\n")
		c.say("hello")
		if status := c.answer("POST"); status != 200 {
			t.Fatalf("status %d", status)
		}
	})
	for _, span := range []spanOf{server, client} {
		span.has(map[string]string{
			"http.request.method": "POST", "http.response.status_code": "200", "error.type": "",
			"server.address": "shop", "network.protocol.version": "1.1",
		})
	}
}

func TestClientThatShutsDownItsWriteSideStillGetsItsAnswer(t *testing.T) {
	server, client := oneExchange(t, func(c *raw) {
		c.request("GET", "/slow")
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if status := c.answer("GET"); status != 200 {
			t.Fatalf("status %d", status)
		}
	})
	for _, span := range []spanOf{server, client} {
		span.has(map[string]string{"http.response.status_code": "200", "error.type": ""})
	}
}

func TestConnectionThatIsResetBeforeTheAnswer(t *testing.T) {
	server, client := oneExchange(t, func(c *raw) {
		c.request("GET", "/hangs")
		c.reset()
	})
	server.has(map[string]string{"http.response.status_code": "", "error.type": "connection_reset", "url.path": "/hangs"})
	client.has(map[string]string{"http.response.status_code": ""})
	client.failed("connection_reset", "connection_closed")
}

func TestConnectionThatIsResetWithinTheAnswer(t *testing.T) {
	server, client := oneExchange(t, func(c *raw) {
		c.request("GET", "/half")
		c.hear("HTTP/1.1 200 OK\r\n")
		c.reset()
	})
	server.has(map[string]string{"http.response.status_code": "200", "error.type": "connection_reset"})
	client.has(map[string]string{"http.response.status_code": "200"})
	client.failed("connection_reset", "connection_closed")
}

func TestServerThatClosesWithoutAnAnswer(t *testing.T) {
	server, client := oneExchange(t, func(c *raw) {
		c.request("GET", "/closes")
		if n, err := io.Copy(io.Discard, c); n != 0 {
			t.Fatalf("read %d bytes, error %v", n, err)
		}
	})
	for _, span := range []spanOf{server, client} {
		span.has(map[string]string{"http.response.status_code": "", "error.type": "connection_closed"})
	}
}

func TestSlowRequestBodyIsPartOfTheDuration(t *testing.T) {
	const text = "hello world, how are you today?"
	server, client := oneExchange(t, func(c *raw) {
		c.say("PUT /echo HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n")
		for range pieces {
			pause(t.Context(), pieceTime)
			c.say("1f\r\n" + text + "\r\n")
		}
		c.say("0\r\n\r\n")
		c.answer("PUT")
	})
	for _, span := range []spanOf{server, client} {
		span.has(map[string]string{"http.response.status_code": "200"})
		span.lasted(pieces*pieceTime, patience)
	}
}

func TestSlowAnswerIsPartOfTheDuration(t *testing.T) {
	server, client := oneExchange(t, func(c *raw) {
		c.request("GET", "/slow")
		c.answer("GET")
		pause(t.Context(), 10*pieceTime) // what the client does later is not
	})
	for _, span := range []spanOf{server, client} {
		span.lasted((pieces-1)*pieceTime, patience)
	}
	if got := client.duration(); got > server.duration()+10*pieceTime {
		t.Errorf("the client's span lasted %v, the server's %v", got, server.duration())
	}
}

func TestRequestInManyPiecesIsOneExchange(t *testing.T) {
	server, client := oneExchange(t, func(c *raw) {
		if err := c.SetNoDelay(true); err != nil {
			t.Fatal(err)
		}
		for _, piece := range strings.SplitAfter("GET /small HTTP/1.1\r\nHost: shop\r\nUser-Agent: slow/1\r\n\r\n", " ") {
			c.say(piece)
			pause(t.Context(), 5*time.Millisecond)
		}
		c.answer("GET")
	})
	for _, span := range []spanOf{server, client} {
		span.has(map[string]string{
			"http.request.method": "GET", "http.response.status_code": "200", "user_agent.original": "slow/1",
		})
	}
}

func TestTraceparentBecomesTheParent(t *testing.T) {
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	server, client := oneExchange(t, func(c *raw) {
		c.say("GET /small HTTP/1.1\r\nHost: shop\r\ntraceparent: 00-" + trace + "-" + parent + "-01\r\n\r\n")
		c.answer("GET")
	})
	for _, span := range []spanOf{server, client} {
		if span.TraceID().String() != trace || span.ParentSpanID().String() != parent {
			t.Errorf("trace %s, parent %s\nin %s", span.TraceID(), span.ParentSpanID(), describe(span.Span))
		}
	}
	if server.SpanID() == client.SpanID() {
		t.Error("both spans have the same id")
	}
}

func TestWithoutTraceparentASpanIsARoot(t *testing.T) {
	server, client := oneExchange(t, func(c *raw) {
		c.say("GET /small HTTP/1.1\r\nHost: shop\r\ntraceparent: 00-zz-00-01\r\n\r\n")
		c.answer("GET")
	})
	for _, span := range []spanOf{server, client} {
		if span.TraceID() == pcommon.NewTraceIDEmpty() || span.SpanID().IsEmpty() || !span.ParentSpanID().IsEmpty() {
			t.Errorf("trace %s, span %s, parent %s", span.TraceID(), span.SpanID(), span.ParentSpanID())
		}
	}
}

func TestManyRequestsOverIPv6(t *testing.T) {
	needRoot(t)
	s := startServer(t, "::1")
	p := capture(t, onlyPorts(t, s.addr))
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport}
	kinds := []struct{ method, path, body string }{
		{"GET", "/small", ""},
		{"GET", "/large", ""},
		{"GET", "/chunked", ""},
		{"HEAD", "/small", ""},
		{"POST", "/echo", strings.Repeat("y", largeSize)},
		{"GET", "/broken", ""},
		{"GET", "/absent", ""},
	}
	const rounds = 20
	for range rounds {
		for _, kind := range kinds {
			request, err := http.NewRequestWithContext(t.Context(), kind.method, "http://"+s.addr+kind.path, strings.NewReader(kind.body))
			if err != nil {
				t.Fatal(err)
			}
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, response.Body); err != nil {
				t.Fatal(err)
			}
			if err := response.Body.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	spans := p.finish(2 * rounds * len(kinds))
	p.compareBoth(s.served(t, rounds*len(kinds)))
	checkAll(t, spans, map[string]string{
		"network.peer.address": "::1", "server.address": "::1", "server.port": port(t, s.addr),
	}, nil)
	checkAll(t, only(spans, ptrace.SpanKindServer), map[string]string{"client.address": "::1"}, nil)
}

func TestConnectionsOlderThanTheReceiverAreSeenFromTheirNextRequestOn(t *testing.T) {
	needRoot(t)
	s := startServer(t, "127.0.0.1")
	old := make([]*raw, 3)
	for i := range old {
		old[i] = dial(t, s.addr)
		old[i].request("GET", "/small")
		old[i].answer("GET")
	}
	p := capture(t, onlyPorts(t, s.addr))
	const rounds = 4
	for range rounds {
		for _, c := range old {
			c.request("GET", "/chunked")
			c.answer("GET")
		}
	}
	spans := p.finish(2 * rounds * len(old))
	p.compareBoth(exchanges{"GET /chunked 200": rounds * len(old)})
	checkAll(t, spans, map[string]string{"network.peer.address": "127.0.0.1"}, nil)
	checkAll(t, only(spans, ptrace.SpanKindServer), map[string]string{"client.address": "127.0.0.1"}, nil)
}
