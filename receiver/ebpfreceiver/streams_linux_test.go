// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"golang.org/x/sys/unix"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadata"
)

// cleartextHTTP2 starts a server that speaks HTTP/2 without TLS, and returns it with a client that does, too.
func cleartextHTTP2(t *testing.T, handler http.HandlerFunc) (*httptest.Server, *http.Client) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return cleartextHTTP2On(t, listener, handler)
}

// cleartextHTTP2On does so on a listener.
func cleartextHTTP2On(t *testing.T, listener net.Listener, handler http.HandlerFunc) (*httptest.Server, *http.Client) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	require.NoError(t, server.Listener.Close())
	server.Listener = listener
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return server, &http.Client{Transport: transport}
}

// kinds counts spans by kind, name, path or URL, and status.
func kinds(all []found) map[string]int {
	counts := make(map[string]int)
	for _, f := range all {
		a := f.span.Attributes().AsRaw()
		where := a["url.path"]
		if full, ok := a["url.full"].(string); ok {
			where = full[strings.LastIndexByte(full, '/'):]
		}
		counts[fmt.Sprint(f.span.Kind(), " ", f.span.Name(), " ", where, " ", a["http.response.status_code"], " ", a["error.type"])]++
	}
	return counts
}

func TestConcurrentStreamsOfHTTP2AreSeenAtBothEnds(t *testing.T) {
	const workers, each = 100, 20
	server, client := cleartextHTTP2(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		status, _ := strconv.Atoi(r.URL.Path[1:])
		w.WriteHeader(status)
		if status != http.StatusNoContent {
			_, _ = w.Write(bytes.Repeat([]byte("x"), 40000))
		}
	})
	sink := &consumertest.TracesSink{}
	start(t, receivertest.NewNopSettings(metadata.Type), configFor(server), sink)
	var running sync.WaitGroup
	want := make(map[string]int)
	for i := range workers {
		status := []int{200, 204, 404, 503}[i%4]
		suffix := fmt.Sprintf("GET /%d %d ", status, status)
		failed := map[int][2]string{200: {"<nil>", "<nil>"}, 204: {"<nil>", "<nil>"}, 404: {"<nil>", "404"}, 503: {"503", "503"}}[status]
		want["Server "+suffix+failed[0]] += each
		want["Client "+suffix+failed[1]] += each
		running.Go(func() {
			for range each {
				get(t, client, server.URL+"/"+strconv.Itoa(status))
			}
		})
	}
	running.Wait()
	all := await(t, sink, 2*workers*each)
	assert.Equal(t, want, kinds(all))
	for _, f := range all {
		version, _ := f.span.Attributes().Get("network.protocol.version")
		assert.Equal(t, "2", version.Str())
	}
}

func TestACallOfGRPCIsSeenWithItsStatusAtBothEnds(t *testing.T) {
	empty := make([]byte, 5) // a message without fields, and the prefix that gRPC gives it
	server, client := cleartextHTTP2(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		_, _ = w.Write(empty)
		w.Header().Set("Grpc-Status", "5")
	})
	sink := &consumertest.TracesSink{}
	start(t, receivertest.NewNopSettings(metadata.Type), configFor(server), sink)
	response, err := client.Post(server.URL+"/shop.Cart/Add", "application/grpc", bytes.NewReader(empty))
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	ends := make(map[ptrace.SpanKind]int)
	for _, f := range await(t, sink, 2) {
		ends[f.span.Kind()]++
		assert.Equal(t, "shop.Cart/Add", f.span.Name())
		a := f.span.Attributes().AsRaw()
		assert.Equal(t, "grpc", a["rpc.system.name"])
		assert.Equal(t, "shop.Cart/Add", a["rpc.method"])
		assert.Equal(t, "NOT_FOUND", a["rpc.response.status_code"])
	}
	assert.Equal(t, map[ptrace.SpanKind]int{ptrace.SpanKindServer: 1, ptrace.SpanKindClient: 1}, ends)
}

func TestDurationsOfHTTP2EndWithTheStream(t *testing.T) {
	const pause = 80 * time.Millisecond
	server, client := cleartextHTTP2(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("begin"))
		_ = http.NewResponseController(w).Flush()
		select {
		case <-time.After(pause):
		case <-r.Context().Done():
		}
		_, _ = w.Write(bytes.Repeat([]byte("x"), 300000))
	})
	sink := &consumertest.TracesSink{}
	start(t, receivertest.NewNopSettings(metadata.Type), configFor(server), sink)
	before := time.Now()
	get(t, client, server.URL+"/slow")
	took := time.Since(before)
	for _, f := range await(t, sink, 2) {
		lasted := f.span.EndTimestamp().AsTime().Sub(f.span.StartTimestamp().AsTime())
		assert.GreaterOrEqual(t, lasted, pause)
		assert.LessOrEqual(t, lasted, took)
	}
}

// A client of Go begins its header blocks with :authority, by which nobody can tell a request from a response. The first
// response is what tells the connection, so its own request is missed.
func TestAConnectionThatIsJoinedInTheMiddleIsSeenFromTheFirstResponseOn(t *testing.T) {
	const requests = 10
	server, client := cleartextHTTP2(t, func(http.ResponseWriter, *http.Request) {})
	get(t, client, server.URL+"/before")
	sink := &consumertest.TracesSink{}
	start(t, receivertest.NewNopSettings(metadata.Type), configFor(server), sink)
	for i := range requests {
		get(t, client, server.URL+"/"+strconv.Itoa(i))
	}
	seen := make(map[string]int)
	for _, f := range await(t, sink, 2*(requests-1)) {
		method, _ := f.span.Attributes().Get("http.request.method")
		assert.Equal(t, "GET", method.Str())
		status, _ := f.span.Attributes().Get("http.response.status_code")
		assert.EqualValues(t, 200, status.Int())
		if path, found := f.span.Attributes().Get("url.path"); found {
			seen[path.Str()]++
		}
	}
	assert.Len(t, seen, requests-1, "every path is literal in these requests")
}

// deferring returns a listener whose connections come about with their first bytes, which the socket of the connection
// therefore does not see: what a lost ACK of the handshake does, too.
func deferring(t *testing.T) net.Listener {
	t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) {
			failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 5)
		})
		return errors.Join(err, failed)
	}}
	config.SetMultipathTCP(false)
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

func TestStreamsWhoseConnectionComesWithItsFirstBytesAreSeenFromTheFirstOn(t *testing.T) {
	const requests = 10
	server, client := cleartextHTTP2On(t, deferring(t), func(http.ResponseWriter, *http.Request) {})
	sink := &consumertest.TracesSink{}
	start(t, receivertest.NewNopSettings(metadata.Type), configFor(server), sink)
	want := make(map[string]int)
	for i := range requests {
		get(t, client, server.URL+"/"+strconv.Itoa(i))
		for _, side := range []string{"Server", "Client"} {
			want[fmt.Sprintf("%s GET /%d 200 <nil>", side, i)]++
		}
	}
	assert.Equal(t, want, kinds(await(t, sink, 2*requests)))
}

func TestAStreamThatIsCancelledSaysSo(t *testing.T) {
	reached := make(chan struct{})
	server, client := cleartextHTTP2(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		close(reached)
		<-r.Context().Done()
	})
	sink := &consumertest.TracesSink{}
	start(t, receivertest.NewNopSettings(metadata.Type), configFor(server), sink)
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	require.NoError(t, err)
	response, err := client.Do(request)
	require.NoError(t, err)
	<-reached
	cancel()
	_ = response.Body.Close()
	for _, f := range await(t, sink, 2) {
		failed, _ := f.span.Attributes().Get("error.type")
		assert.Equal(t, "cancel", failed.Str())
		assert.Equal(t, ptrace.StatusCodeError, f.span.Status().Code())
	}
}
