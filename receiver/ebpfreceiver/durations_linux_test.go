// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
)

// conversations is a server whose answers end in every way there is.
func conversations(t *testing.T) *httptest.Server {
	t.Helper()
	cut := func(w http.ResponseWriter, answer string, reset bool) {
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = buffered.WriteString(answer)
		_ = buffered.Flush()
		if reset {
			_ = conn.(*net.TCPConn).SetLinger(0)
		}
		_ = conn.Close()
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/whole", func(w http.ResponseWriter, r *http.Request) {
		cut(w, "HTTP/1.1 201 Created\r\nContent-Type: a\r\nContent-Length: 2\r\n\r\nab", false)
	})
	mux.HandleFunc("/until-close", func(w http.ResponseWriter, r *http.Request) { cut(w, "HTTP/1.1 202 Accepted\r\n\r\nab", false) })
	mux.HandleFunc("/cut", func(w http.ResponseWriter, r *http.Request) {
		cut(w, "HTTP/1.1 203 X\r\nContent-Length: 3\r\n\r\nab", false)
	})
	mux.HandleFunc("/cut-chunk", func(w http.ResponseWriter, r *http.Request) {
		cut(w, "HTTP/1.1 206 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", false)
	})
	mux.HandleFunc("/reset", func(w http.ResponseWriter, r *http.Request) {
		cut(w, "HTTP/1.1 207 X\r\nContent-Length: 3\r\n\r\nab", true)
	})
	mux.HandleFunc("/nothing", func(w http.ResponseWriter, r *http.Request) { cut(w, "", false) })
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusMultipleChoices)
		for range 3 {
			_, _ = io.WriteString(w, "more")
			w.(http.Flusher).Flush()
			<-time.After(10 * time.Millisecond)
		}
	})
	mux.HandleFunc("/continue", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNonAuthoritativeInfo + 5)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

// askOnce sends one request over a connection of its own and reads until the end.
func askOnce(t *testing.T, server *httptest.Server, request string) {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	_, err = io.WriteString(conn, request)
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, bufio.NewReader(conn)) // a reset is one of the ends
	require.NoError(t, conn.Close())
}

// TestDurationsAreCountedByHowTheExchangeEnded compares what the kernel alone counted with what the server did.
func TestDurationsAreCountedByHowTheExchangeEnded(t *testing.T) {
	server := conversations(t)
	cfg := configFor(server)
	cfg.Metrics.CollectionInterval = time.Hour
	sink := &consumertest.MetricsSink{}
	_, stop := startMetrics(t, cfg, sink)
	const rounds = 20
	for range rounds {
		for _, path := range []string{"/whole", "/until-close", "/cut", "/cut-chunk", "/reset", "/nothing", "/slow"} {
			askOnce(t, server, "GET "+path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		}
		askOnce(t, server, "HEAD /whole HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		askOnce(t, server, "POST /continue HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n")
	}
	stop()
	for _, name := range []string{"http.server.request.duration", "http.client.request.duration"} {
		got := map[string]uint64{}
		for _, p := range pointsOf(t, sink, name) {
			a := p.Attributes().AsRaw()
			got[fmt.Sprint(a["http.request.method"], " ", a["http.response.status_code"], " ", a["error.type"])] += p.Count()
			if a["http.response.status_code"] == int64(300) {
				assert.Greater(t, p.Sum(), rounds*0.02, "the whole body is timed")
				assert.Zero(t, p.BucketCounts().At(0)+p.BucketCounts().At(1), "and no first packet left in its bucket")
			}
		}
		assert.Equal(t, map[string]uint64{
			"GET 201 <nil>": rounds, "HEAD 201 <nil>": rounds, "GET 202 <nil>": rounds, "GET 203 connection_closed": rounds,
			"GET 206 connection_closed": rounds, "GET 207 connection_reset": rounds, "GET <nil> connection_closed": rounds,
			"GET 300 <nil>": rounds, "POST 208 <nil>": rounds,
		}, got, name)
	}
}

func TestDurationsOfPipelinedRequestsAreCounted(t *testing.T) {
	server := shop(t)
	cfg := configFor(server)
	cfg.Metrics.CollectionInterval = time.Hour
	sink := &consumertest.MetricsSink{}
	_, stop := startMetrics(t, cfg, sink)
	const connections, rounds, depth = 5, 20, 8
	for range connections {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		reader := bufio.NewReader(conn)
		for range rounds {
			_, err = io.WriteString(conn, strings.Repeat("GET / HTTP/1.1\r\nHost: a\r\n\r\n", depth))
			require.NoError(t, err)
			for range depth {
				response, err := http.ReadResponse(reader, nil)
				require.NoError(t, err)
				_, err = io.Copy(io.Discard, response.Body)
				require.NoError(t, err)
				require.NoError(t, response.Body.Close())
			}
		}
		require.NoError(t, conn.Close())
	}
	stop()
	for _, name := range []string{"http.server.request.duration", "http.client.request.duration"} {
		total := uint64(0)
		for _, p := range pointsOf(t, sink, name) {
			total += p.Count()
		}
		assert.EqualValues(t, connections*rounds*depth, total, name)
	}
}

func TestTooManySeriesOverflowInTheKernel(t *testing.T) {
	server := conversations(t)
	cfg := configFor(server)
	cfg.Metrics.CollectionInterval, cfg.Metrics.MaxSeries = time.Hour, 4
	sink := &consumertest.MetricsSink{}
	_, stop := startMetrics(t, cfg, sink)
	for _, path := range []string{"/whole", "/until-close", "/cut", "/nothing"} {
		askOnce(t, server, "GET "+path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	}
	stop()
	for _, name := range []string{"http.server.request.duration", "http.client.request.duration"} {
		total := uint64(0)
		for _, p := range pointsOf(t, sink, name) {
			total += p.Count()
		}
		assert.EqualValues(t, 4, total, name)
	}
}

func TestExponentialHistogramsAreCountedInTheKernel(t *testing.T) {
	server := shop(t)
	cfg := configFor(server)
	cfg.Metrics.CollectionInterval, cfg.Metrics.Histogram = time.Hour, "exponential"
	sink := &consumertest.MetricsSink{}
	_, stop := startMetrics(t, cfg, sink)
	for range 10 {
		get(t, server.Client(), server.URL)
	}
	stop()
	all := sink.AllMetrics()
	m := all[len(all)-1].ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics()
	for _, metric := range m.All() {
		if metric.Name() == "http.server.request.duration" {
			p := metric.ExponentialHistogram().DataPoints().At(0)
			assert.EqualValues(t, 10, p.Count())
			total := p.ZeroCount()
			for _, n := range p.Positive().BucketCounts().All() {
				total += n
			}
			assert.EqualValues(t, 10, total)
			return
		}
	}
	t.Fatal("no such metric")
}
