// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/logs"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadata"
)

// startFront runs testdata/front.py and a receiver of traces and logs that sees it and whom it calls.
func startFront(t *testing.T, called int, arguments ...string) (front int, spans *consumertest.TracesSink, records *consumertest.LogsSink) {
	t.Helper()
	front, _, spans, records = watchFront(t, called, arguments...)
	return front, spans, records
}

// watchFront does so, and returns the receiver, too.
func watchFront(t *testing.T, called int, arguments ...string) (front int, r *ebpfReceiver, spans *consumertest.TracesSink, records *consumertest.LogsSink) {
	t.Helper()
	needRoot(t)
	command := exec.Command(needTool(t, "python3", "python3-minimal"), append([]string{"testdata/front.py"}, arguments...)...)
	front, err := strconv.Atoi(talk(t, command))
	require.NoError(t, err)
	cfg := onlyPort(front)
	cfg.Filter.Ports.Include = append(cfg.Filter.Ports.Include, called)
	cfg.Filter.Executables.Include = []string{"python3*"}
	cfg.TCP.Logs = false // a refused connection is a cause all the same
	spans, records = &consumertest.TracesSink{}, &consumertest.LogsSink{}
	set, factory := receivertest.NewNopSettings(metadata.Type), NewFactory()
	created, err := factory.CreateTraces(t.Context(), set, cfg, spans)
	require.NoError(t, err)
	_, err = factory.CreateLogs(t.Context(), set, cfg, records)
	require.NoError(t, err)
	require.NoError(t, created.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { assert.NoError(t, created.Shutdown(context.Background())) })
	return front, created.(*ebpfReceiver), spans, records
}

// ask makes a request to the front, on a connection of its own, and returns the status.
func ask(t *testing.T, front, called int, headers ...string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/%d", front, called), http.NoBody)
	if !assert.NoError(t, err) {
		return 0
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if !assert.NoError(t, err) {
		return 0
	}
	assert.NoError(t, response.Body.Close())
	return response.StatusCode
}

// misbehave accepts connections, reads a request from each and then does with it what a test wants.
func misbehave(t *testing.T, with func(*net.TCPConn)) int {
	t.Helper()
	listener, port := plainListener(t)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			with(c.(*net.TCPConn))
		}
	}()
	return port
}

// causes returns the log records of causes.
func causes(sink *consumertest.LogsSink) (found []plog.LogRecord) {
	for _, all := range sink.AllLogs() {
		for _, rl := range all.ResourceLogs().All() {
			for _, record := range rl.ScopeLogs().At(0).LogRecords().All() {
				if record.EventName() == logs.EventErrorCause {
					found = append(found, record)
				}
			}
		}
	}
	return found
}

// spanOf returns the front's span of a kind.
func spanOf(sink *consumertest.TracesSink, kind ptrace.SpanKind) (found ptrace.Span, ok bool) {
	for _, traces := range sink.AllTraces() {
		for _, rs := range traces.ResourceSpans().All() {
			for _, span := range rs.ScopeSpans().At(0).Spans().All() {
				if span.Kind() == kind {
					found, ok = span, true
				}
			}
		}
	}
	return found, ok
}

func TestTheCauseOfA5xxIsTold(t *testing.T) {
	for name, test := range map[string]struct {
		called func(t *testing.T) int
		want   string
		span   bool // the call has a span that is told before the request's
	}{
		"refused": {freePort, "connection_refused", false},
		"reset": {func(t *testing.T) int {
			return misbehave(t, func(c *net.TCPConn) { _ = c.SetLinger(0); _ = c.Close() })
		}, "connection_reset", true},
		"closed": {func(t *testing.T) int { return misbehave(t, func(c *net.TCPConn) { _ = c.Close() }) }, "connection_closed", true},
		"503": {func(t *testing.T) int {
			return misbehave(t, func(c *net.TCPConn) {
				_, _ = io.WriteString(c, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
				_ = c.Close()
			})
		}, "503", true},
		"not answered in time": {func(t *testing.T) int {
			return misbehave(t, func(c *net.TCPConn) { _, _ = c.Read(make([]byte, 1)); _ = c.Close() })
		}, "cancelled", false},
	} {
		t.Run(name, func(t *testing.T) {
			called := test.called(t)
			front, spans, records := startFront(t, called)
			require.Equal(t, http.StatusBadGateway, ask(t, front, called))
			require.Eventually(t, func() bool { return len(causes(records)) == 1 }, eventually, often)
			record := causes(records)[0]
			attributes := record.Attributes().AsRaw()
			assert.Equal(t, test.want, attributes["risk.cause.error.type"])
			assert.Equal(t, "127.0.0.1", attributes["risk.cause.network.peer.address"])
			assert.EqualValues(t, called, attributes["risk.cause.network.peer.port"])
			assert.EqualValues(t, 502, attributes["http.response.status_code"])
			require.Eventually(t, func() bool { _, ok := spanOf(spans, ptrace.SpanKindServer); return ok }, eventually, often)
			server, _ := spanOf(spans, ptrace.SpanKindServer)
			assert.Equal(t, server.TraceID(), record.TraceID())
			assert.Equal(t, server.SpanID(), record.SpanID())
			if !test.span {
				return
			}
			client, ok := spanOf(spans, ptrace.SpanKindClient)
			require.True(t, ok)
			assert.Equal(t, server.TraceID(), client.TraceID())
			assert.Equal(t, server.SpanID(), client.ParentSpanID())
			require.Equal(t, 1, server.Links().Len())
			assert.Equal(t, client.SpanID(), server.Links().At(0).SpanID())
			assert.Equal(t, client.SpanID().String(), attributes["risk.cause.span_id"])
		})
	}
}

func TestACallGetsItsParentOnlyWhereThatIsCertain(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	called := server.Listener.Addr().(*net.TCPAddr).Port
	t.Run("one request at a time", func(t *testing.T) {
		front, spans, _ := startFront(t, called)
		for range 3 {
			require.Equal(t, http.StatusOK, ask(t, front, called))
		}
		parents := make(map[string]int)
		for _, f := range await(t, spans, 6) {
			parents[f.span.TraceID().String()]++
			assert.Equal(t, f.span.Kind() == ptrace.SpanKindServer, f.span.ParentSpanID().IsEmpty())
		}
		assert.Len(t, parents, 3, "each call in the trace of its request")
	})
	t.Run("two requests at once", func(t *testing.T) {
		release := make(chan struct{})
		both := make(chan struct{}, 2)
		slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { both <- struct{}{}; <-release }))
		defer slow.Close()
		called := slow.Listener.Addr().(*net.TCPAddr).Port
		front, spans, _ := startFront(t, called, "threads")
		done := make(chan int, 2)
		for range 2 {
			go func() { done <- ask(t, front, called) }()
		}
		<-both
		<-both
		close(release)
		<-done
		<-done
		for _, f := range await(t, spans, 4) {
			assert.True(t, f.span.ParentSpanID().IsEmpty(), f.span.Kind())
		}
	})
}

// TestACallIsWithinItsRequestWhoeverAsksForItsPeer has another process use the socket of a call that is not answered yet.
func TestACallIsWithinItsRequestWhoeverAsksForItsPeer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
	}))
	defer server.Close()
	called := server.Listener.Addr().(*net.TCPAddr).Port
	front, spans, _ := startFront(t, called)
	require.Equal(t, http.StatusOK, ask(t, front, called, "X-Share: 1"))
	await(t, spans, 2)
	request, _ := spanOf(spans, ptrace.SpanKindServer)
	call, _ := spanOf(spans, ptrace.SpanKindClient)
	assert.Equal(t, request.SpanID(), call.ParentSpanID())
}

// TestTheRequestThatIsLeftIsTheOneThatCalls has the request that came last answered before the one that came first calls.
func TestTheRequestThatIsLeftIsTheOneThatCalls(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	called := server.Listener.Addr().(*net.TCPAddr).Port
	front, spans, _ := startFront(t, called, "threads")
	first, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(front)))
	require.NoError(t, err)
	defer first.Close() //nolint:errcheck // the server has closed it
	// Whose a connection is may become known only behind a request that is accepted at that very moment; then nothing is
	// certain. Behind an answer it is known.
	_, err = fmt.Fprintf(first, "GET /%d HTTP/1.1\r\nHost: front\r\n\r\n", called)
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(first), nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	_, err = fmt.Fprintf(first, "POST /%d HTTP/1.1\r\nHost: front\r\nContent-Length: 1\r\nConnection: close\r\n\r\n", called)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, ask(t, front, called))
	_, err = io.WriteString(first, "x")
	require.NoError(t, err)
	_, err = io.ReadAll(first)
	require.NoError(t, err)

	var post ptrace.Span
	parents := make(map[string]int)
	for _, f := range await(t, spans, 6) {
		parents[f.span.ParentSpanID().String()]++
		if f.span.Name() == http.MethodPost {
			post = f.span
		}
	}
	assert.Equal(t, 1, parents[post.SpanID().String()])
	// Three requests, and a call within two of them. That within the first request may be certain, too.
	assert.GreaterOrEqual(t, parents[""], 4)
}

// TestTheCauseIsKnownByItsTrace has two requests open at once, which leaves only the trace to go by.
func TestTheCauseIsKnownByItsTrace(t *testing.T) {
	waits := make(chan struct{})
	reached := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("traceparent") == "" {
			close(reached)
			<-waits
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	defer close(waits)
	called := server.Listener.Addr().(*net.TCPAddr).Port
	front, spans, records := startFront(t, called, "threads")
	other := make(chan struct{})
	go func() {
		defer close(other)
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		if response, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/%d", front, called)); err == nil {
			_ = response.Body.Close()
		}
	}()
	<-reached
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	require.Equal(t, http.StatusBadGateway, ask(t, front, called, "traceparent: 00-"+trace+"-00f067aa0ba902b7-01"))
	require.Eventually(t, func() bool { return len(causes(records)) == 1 }, eventually, often)
	record := causes(records)[0]
	assert.Equal(t, trace, record.TraceID().String())
	assert.Equal(t, "503", record.Attributes().AsRaw()["risk.cause.error.type"])
	require.Eventually(t, func() bool {
		span, ok := spanOf(spans, ptrace.SpanKindServer)
		return ok && span.Links().Len() == 1
	}, eventually, often)
	<-other
}
