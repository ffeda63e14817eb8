// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// special adds what is rare in HTTP/1 to the routes of the Go server.
func special(mux *http.ServeMux) http.Handler {
	mux.HandleFunc("/heads", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Long", r.Header.Get("X-Long"))
		w.Header().Set("Content-Length", "2")
		_, _ = io.WriteString(w, "a")
		_ = http.NewResponseController(w).Flush()
		pause(r.Context(), pieceTime)
		_, _ = io.WriteString(w, "b")
	})
	mux.HandleFunc("/trailers", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil || r.Trailer.Get("X-Sum") != "5" {
			http.Error(w, "no trailer", http.StatusBadRequest)
			return
		}
		w.Header().Set("Trailer", "X-Time")
		w.Header().Set("Connection", r.Header.Get("X-Connection"))
		write(w, smallSize)
		w.Header().Set("X-Time", "7")
	})
	mux.HandleFunc("/lines", func(w http.ResponseWriter, r *http.Request) {
		for range pieces {
			_, _ = io.WriteString(w, "rows,10\r\n") // as a chunk, this ends like the last one
			_ = http.NewResponseController(w).Flush()
			pause(r.Context(), pieceTime)
		}
	})
	mux.HandleFunc("/socket", turns("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"))
	mux.HandleFunc("/hints", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		w.(*statusWriter).status = "201"
		_, _ = io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"+
			"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
		_, _ = io.Copy(io.Discard, conn)
		_ = conn.Close()
	})
	tunnel := turns("HTTP/1.1 200 Connection established\r\n\r\n")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			tunnel(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// turns answers with a head, and then sends back whatever comes over the connection.
func turns(head string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		w.(*statusWriter).status = head[9:12]
		_, _ = io.WriteString(conn, head)
		_, _ = io.Copy(conn, buffered)
		_ = conn.Close()
	}
}

func TestHeadsOfAMegabyte(t *testing.T) {
	server, client := oneExchangeOf(t, func(addr string) {
		request, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+addr+"/heads", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Long", strings.Repeat("x", largeSize))
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err := errors.Join(err, response.Body.Close()); err != nil || string(body) != "ab" {
			t.Fatalf("body %q, error %v", body, err)
		}
		if n := len(response.Header.Get("X-Long")); n != largeSize {
			t.Fatalf("the answer's head has %d bytes", n)
		}
	})
	for _, span := range []spanOf{server, client} {
		span.has(map[string]string{
			"http.request.method": "GET", "http.response.status_code": "200", "error.type": "",
			"network.protocol.version": "1.1", "user_agent.original": "Go-http-client/1.1",
		})
		span.lasted(pieceTime, patience)
	}
	server.has(map[string]string{"url.path": "/heads"})
}

func TestCurlWaitsToBeToldToGoOn(t *testing.T) {
	upload := filepath.Join(t.TempDir(), "upload")
	if err := os.WriteFile(upload, bytes.Repeat([]byte("GET / HTTP/1.1\r\n"), largeSize/8), 0o644); err != nil {
		t.Fatal(err)
	}
	server, client := oneExchangeOf(t, func(addr string) {
		curl(t, []string{
			"--data-binary", "@" + upload, "--header", "Expect: 100-continue", "--expect100-timeout", "60", "http://" + addr + "/echo",
		})
	})
	for _, span := range []spanOf{server, client} {
		span.has(map[string]string{
			"http.request.method": "POST", "http.response.status_code": "200", "error.type": "",
		})
	}
}

func TestFinalHeadInTheSamePacketAsAnInterimOne(t *testing.T) {
	server, client := oneExchange(t, func(c *raw) {
		c.request("GET", "/hints")
		if status := c.answer("GET"); status != http.StatusEarlyHints {
			t.Fatalf("status %d", status)
		}
		if status := c.answer("GET"); status != http.StatusCreated {
			t.Fatalf("status %d", status)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	})
	for _, span := range []spanOf{server, client} {
		span.has(map[string]string{"http.response.status_code": "201", "error.type": ""})
	}
}

func TestHeadOfWhatCurlDoesNotGet(t *testing.T) {
	needRoot(t)
	s := startServer(t, "127.0.0.1")
	p := capture(t, onlyPorts(t, s.addr))
	base := "http://" + s.addr
	curl(t, []string{"--head", base + "/small"}, []string{base + "/large"}, []string{"--head", base + "/heads"}, []string{base + "/small"})
	spans := p.finish(8)
	p.compareBoth(s.served(t, 4))
	checkAll(t, spans, map[string]string{"error.type": ""}, nil)
}

func TestTrailersOfBothSides(t *testing.T) {
	for _, connection := range []string{"keep-alive", "close"} {
		t.Run(connection, func(t *testing.T) {
			server, client := oneExchange(t, func(c *raw) {
				c.say("POST /trailers HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n" +
					"X-Connection: " + connection + "\r\n\r\n5\r\nhello\r\n0\r\n")
				c.say("X-Sum: 5\r\n\r\n")
				if status := c.answer("POST"); status != 200 {
					t.Fatalf("status %d", status)
				}
				pause(t.Context(), 10*pieceTime) // is no part of it
				if err := c.Close(); err != nil {
					t.Fatal(err)
				}
			})
			for _, span := range []spanOf{server, client} {
				span.has(map[string]string{
					"http.request.method": "POST", "http.response.status_code": "200", "error.type": "",
				})
				if span.duration() >= 10*pieceTime {
					t.Errorf("lasted %v\nin %s", span.duration(), describe(span.Span))
				}
			}
		})
	}
}

func TestChunkThatEndsLikeTheLastOne(t *testing.T) {
	server, client := oneExchange(t, func(c *raw) {
		c.request("GET", "/lines")
		c.answer("GET")
	})
	for _, span := range []spanOf{server, client} {
		span.has(map[string]string{"http.response.status_code": "200", "error.type": ""})
		span.lasted((pieces-1)*pieceTime, patience)
	}
}

// chatter sends messages back and forth that are no HTTP, but have some in them.
func chatter(c *raw) {
	for range 40 {
		for _, message := range []string{"\x81\x0fGET / HTTP/1.1\r\n", "\x81\x11HTTP/1.1 200 OK\r\n", strings.Repeat("\x00", largeSize/16)} {
			c.say(message)
			c.hear(message)
		}
	}
}

func TestWhatFollowsAnUpgradeIsNoHTTP(t *testing.T) {
	server, client := oneExchange(t, func(c *raw) {
		c.say("GET /socket HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		c.hear("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		pause(t.Context(), 10*pieceTime)
		chatter(c)
		c.reset() // of which the exchange knows nothing
	})
	for _, span := range []spanOf{server, client} {
		span.has(map[string]string{
			"http.request.method": "GET", "http.response.status_code": "101", "error.type": "",
		})
		if span.duration() >= 10*pieceTime {
			t.Errorf("lasted %v\nin %s", span.duration(), describe(span.Span))
		}
	}
	server.has(map[string]string{"url.path": "/socket"})
}

func TestTunnelCarriesWhatItWill(t *testing.T) {
	server, client := oneExchange(t, func(c *raw) {
		c.say("CONNECT shop:443 HTTP/1.1\r\nHost: shop:443\r\n\r\n")
		c.hear("HTTP/1.1 200 Connection established\r\n\r\n")
		chatter(c)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	})
	for _, span := range []spanOf{server, client} {
		span.has(map[string]string{
			"http.request.method": "CONNECT", "http.response.status_code": "200", "error.type": "",
			"url.path": "", "url.full": "",
		})
	}
}
