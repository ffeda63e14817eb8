// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package instrument

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Handler records a server span for each request that next answers.
func (r *Recorder) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		id := root()
		if parent, ok := parseTraceparent(request.Header.Get("Traceparent")); ok {
			id = parent.child()
		}
		start := time.Now()
		writer := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(writer, request.WithContext(withIdentity(request.Context(), id)))
		r.record(id, ptrace.SpanKindServer, request.Method, start, func(attrs pcommon.Map) {
			describe(attrs, request, writer.status, http.StatusInternalServerError)
			attrs.PutStr("url.path", request.URL.Path)
			attrs.PutStr("url.scheme", "http")
			putHostPort(attrs, "server.address", "server.port", request.Host)
			putHostPort(attrs, "network.peer.address", "network.peer.port", request.RemoteAddr)
			if host, _, err := net.SplitHostPort(request.RemoteAddr); err == nil {
				attrs.PutStr("client.address", host)
			}
		})
	})
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the status and passes it on.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Transport records a client span for each request that next sends, from its first byte to the end of the answer.
func (r *Recorder) Transport(next http.RoundTripper) http.RoundTripper {
	return transport{recorder: r, next: next}
}

type transport struct {
	recorder *Recorder
	next     http.RoundTripper
}

// RoundTrip adds traceparent to a copy of the request and sends it.
func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	id := next(request.Context())
	start := time.Now()
	request = request.Clone(request.Context())
	request.Header.Set("Traceparent", id.traceparent())
	response, err := t.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	status := response.StatusCode
	response.Body = &body{ReadCloser: response.Body, done: func() {
		t.recorder.record(id, ptrace.SpanKindClient, request.Method, start, func(attrs pcommon.Map) {
			describe(attrs, request, status, http.StatusBadRequest)
			attrs.PutStr("url.full", "http://"+request.URL.Host+request.URL.Path)
			putHostPort(attrs, "server.address", "server.port", request.URL.Host)
			putHostPort(attrs, "network.peer.address", "network.peer.port", request.URL.Host)
		})
	}}
	return response, nil
}

// body calls done once when it was read to its end or closed.
type body struct {
	io.ReadCloser
	done func()
}

// Read notices the end of the body.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.finish()
	}
	return n, err
}

// Close ends the body before its end, unless that was reached.
func (b *body) Close() error {
	b.finish()
	return b.ReadCloser.Close()
}

func (b *body) finish() {
	if b.done != nil {
		b.done()
		b.done = nil
	}
}

// describe writes what both kinds of span have. A status from errorFrom on is an error.
func describe(attrs pcommon.Map, request *http.Request, status, errorFrom int) {
	attrs.PutInt("http.response.status_code", int64(status))
	attrs.PutStr("network.protocol.version", "1.1")
	if agent := request.UserAgent(); agent != "" {
		attrs.PutStr("user_agent.original", agent)
	}
	if status >= errorFrom {
		attrs.PutStr("error.type", strconv.Itoa(status))
	}
}

// putHostPort writes both parts of host:port, or nothing if it is not that.
func putHostPort(attrs pcommon.Map, hostKey, portKey, hostPort string) {
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return
	}
	attrs.PutStr(hostKey, host)
	if number, err := strconv.Atoi(port); err == nil {
		attrs.PutInt(portKey, int64(number))
	}
}
