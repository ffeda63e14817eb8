// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// goServer is a server of net/http in this process that counts what it answers.
type goServer struct {
	addr string

	mu       sync.Mutex // guards answered
	answered exchanges
}

// startServer listens on a free port of the given host.
func startServer(t *testing.T, host string) *goServer {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Skipf("needs the address %s: %v", host, err)
	}
	return serve(t, listener)
}

// serve answers on a listener until the end of the test.
func serve(t *testing.T, listener net.Listener) *goServer {
	t.Helper()
	s := &goServer{addr: listener.Addr().String(), answered: exchanges{}}
	server := http.Server{
		Handler: s.counted(routes()), ReadHeaderTimeout: patience, Protocols: new(http.Protocols), MaxHeaderBytes: 2 * largeSize,
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return s
}

// counted counts each request once its handler is done. A request that got no status is counted with "-".
func (s *goServer) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writer := &statusWriter{ResponseWriter: w, status: "-"}
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.answered[r.Method+" "+r.URL.Path+" "+writer.status]++
		}()
		next.ServeHTTP(writer, r)
	})
}

// served waits until n requests were answered and returns which.
func (s *goServer) served(t *testing.T, requests int) exchanges {
	t.Helper()
	var got exchanges
	eventually(t, "the Go server answers all requests", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		got = exchanges{}
		for key, n := range s.answered {
			got[key] = n
		}
		return got.total() >= requests
	})
	if got.total() != requests {
		t.Fatalf("the Go server answered %d requests, want %d", got.total(), requests)
	}
	return got
}

type statusWriter struct {
	http.ResponseWriter
	status string
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = strconv.Itoa(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == "-" {
		w.status = "200"
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets [http.ResponseController] find what else the writer can do.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// pieces is how many parts slow bodies have, pieceTime what lies between two.
const (
	pieces    = 5
	pieceTime = 40 * time.Millisecond
)

func routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/small", func(w http.ResponseWriter, _ *http.Request) { write(w, smallSize) })
	mux.HandleFunc("/of/", func(w http.ResponseWriter, r *http.Request) {
		sum := 0
		for _, letter := range []byte(r.URL.Path) {
			sum += int(letter)
		}
		w.WriteHeader([]int{200, 200, 200, 404, 503}[sum%5])
		write(w, smallSize*[]int{1, 3, 10, 40, 200}[sum/5%5])
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { write(w, largeSize) })
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "broken", 500) })
	mux.HandleFunc("/chunked", func(w http.ResponseWriter, _ *http.Request) {
		for range pieces {
			write(w, smallSize)
			_ = http.NewResponseController(w).Flush() // whether the client is still there does not matter
		}
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		for range pieces {
			write(w, smallSize)
			_ = http.NewResponseController(w).Flush()
			pause(r.Context(), pieceTime)
		}
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = fmt.Fprintln(w, n)
	})
	mux.HandleFunc("/hangs", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/half", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(2*smallSize))
		write(w, smallSize)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/closes", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close() // without an answer
		}
	})
	return special(mux)
}

// write writes a body. Clients that are gone are what some of the tests are about.
func write(w io.Writer, size int) { _, _ = io.WriteString(w, strings.Repeat("x", size)) }

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// raw is a connection on which a test says every byte itself.
type raw struct {
	*net.TCPConn
	t      *testing.T
	reader *bufio.Reader
}

func dial(t *testing.T, addr string) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // most tests have closed it
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &raw{TCPConn: conn.(*net.TCPConn), t: t, reader: bufio.NewReader(conn)}
}

// say sends bytes as they are.
func (c *raw) say(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

// request sends a request without a body.
func (c *raw) request(method, path string) {
	c.t.Helper()
	c.say(method + " " + path + " HTTP/1.1\r\nHost: " + c.RemoteAddr().String() + "\r\n\r\n")
}

// answer reads one answer to its end and returns its status.
func (c *raw) answer(method string) int {
	c.t.Helper()
	response, err := http.ReadResponse(c.reader, &http.Request{Method: method})
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		c.t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		c.t.Fatal(err)
	}
	return response.StatusCode
}

// hear reads exactly this text.
func (c *raw) hear(text string) {
	c.t.Helper()
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c.reader, got); err != nil || string(got) != text {
		c.t.Fatalf("read %q, error %v, want %q", got, err, text)
	}
}

// reset ends the connection with RST instead of FIN.
func (c *raw) reset() {
	c.t.Helper()
	if err := c.SetLinger(0); err != nil {
		c.t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		c.t.Fatal(err)
	}
}
