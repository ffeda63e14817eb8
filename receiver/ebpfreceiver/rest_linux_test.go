// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/bpfobj"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadata"
)

// crowd is clients with a connection each, to a server that answers with the status and the number of bytes it is asked for,
// and knows what it did.
type crowd struct {
	t       *testing.T
	server  *httptest.Server
	clients []*caller
	fresh   bool // every request has a connection of its own
	trace   bool // requests carry a traceparent
	served  atomic.Int64
	read    atomic.Int64 // bytes, by the server
	written atomic.Int64
}

// counted is a connection of the server's.
type counted struct {
	net.Conn
	crowd *crowd
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.crowd.read.Add(int64(n))
	return n, err
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.crowd.written.Add(int64(n))
	return n, err
}

// counting is a listener whose connections are counted.
type counting struct {
	net.Listener
	crowd *crowd
}

func (l *counting) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &counted{conn, l.crowd}, nil
}

func newCrowd(t *testing.T, clients int, listener net.Listener) *crowd {
	t.Helper()
	c := &crowd{t: t}
	c.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		status, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		assert.NoError(t, err)
		c.served.Add(1)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, r.Method)
	}))
	require.NoError(t, c.server.Listener.Close())
	c.server.Listener = &counting{listener, c}
	c.server.Start()
	t.Cleanup(c.server.Close)
	for range clients {
		client := &caller{}
		t.Cleanup(func() { client.close(t) })
		c.clients = append(c.clients, client)
	}
	return c
}

// caller is a client that makes one request at a time, all on one connection: that of net/http may make another one when
// the machine is busy.
type caller struct {
	conn    net.Conn
	answers *bufio.Reader
}

func (c *caller) do(t *testing.T, request *http.Request) (status int, body string) {
	t.Helper()
	if c.conn == nil {
		conn, err := net.Dial("tcp", request.URL.Host)
		require.NoError(t, err)
		c.conn, c.answers = conn, bufio.NewReader(conn)
	}
	require.NoError(t, request.Write(c.conn))
	response, err := http.ReadResponse(c.answers, request)
	require.NoError(t, err)
	read, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode, string(read)
}

func (c *caller) close(t *testing.T) {
	t.Helper()
	if c.conn != nil {
		require.NoError(t, c.conn.Close())
	}
	c.conn = nil
}

// kinds are the requests that every client makes once a round; the answers tell them apart.
var requestKinds = map[string]int{"GET": 200, "POST": 201, "PUT": 503, "DELETE": 404}

// round makes every client make all of them.
func (c *crowd) round() {
	c.t.Helper()
	for _, client := range c.clients {
		for method, status := range requestKinds {
			request, err := http.NewRequestWithContext(c.t.Context(), method, c.server.URL+"/"+strconv.Itoa(status), strings.NewReader("abc"))
			require.NoError(c.t, err)
			if c.trace {
				request.Header.Set("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
			}
			answered, body := client.do(c.t, request)
			require.Equal(c.t, status, answered)
			require.Equal(c.t, method, body)
			if c.fresh {
				client.close(c.t)
			}
		}
	}
}

// adjusted is how many exchanges a span stands for, as somebody reads it who knows docs/attributes.md.
func adjusted(t *testing.T, span ptrace.Span) float64 {
	t.Helper()
	weight := 1.0
	if state := span.TraceState().AsRaw(); state != "" {
		digits, ok := strings.CutPrefix(state, "ot=th:")
		require.True(t, ok, state)
		threshold, err := strconv.ParseUint(digits+strings.Repeat("0", 14-len(digits)), 16, 64)
		require.NoError(t, err)
		weight = math.Exp2(56) / (math.Exp2(56) - float64(threshold))
		id := span.TraceID()
		random := uint64(0)
		for _, b := range id[9:] {
			random = random<<8 | uint64(b)
		}
		assert.GreaterOrEqual(t, random, threshold, "a sampler downstream would take it for inconsistent")
	}
	if connections, ok := span.Attributes().Get("risk.connection.weight"); ok {
		weight *= float64(connections.Int())
	}
	return weight
}

// watch runs a receiver of traces and metrics of the crowd's server.
func (c *crowd) watch() (r *ebpfReceiver, spans *consumertest.TracesSink, metrics *consumertest.MetricsSink) {
	c.t.Helper()
	cfg := configFor(c.server)
	cfg.Metrics.CollectionInterval = 10 * often
	return watchBoth(c.t, cfg)
}

// watchBoth runs a receiver of traces and metrics with these settings.
func watchBoth(t *testing.T, cfg *Config) (r *ebpfReceiver, spans *consumertest.TracesSink, metrics *consumertest.MetricsSink) {
	t.Helper()
	needRoot(t)
	spans, metrics = &consumertest.TracesSink{}, &consumertest.MetricsSink{}
	factory, set := NewFactory(), receivertest.NewNopSettings(metadata.Type)
	_, err := factory.CreateMetrics(t.Context(), set, cfg, metrics)
	require.NoError(t, err)
	created, err := factory.CreateTraces(t.Context(), set, cfg, spans)
	require.NoError(t, err)
	require.NoError(t, created.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { assert.NoError(t, created.Shutdown(context.Background())) })
	return created.(*ebpfReceiver), spans, metrics
}

// TestWhatIsSeenOfConnectionsInTurnsStandsForAll lets every group of connections have its turn once, while all make the same
// requests in every turn: the sum of what was counted and told is then exactly what was sent. Before and after that, all are
// followed.
func TestWhatIsSeenOfConnectionsInTurnsStandsForAll(t *testing.T) {
	const shift, clients = 3, 64
	for name, traced := range map[string]bool{"own traces": false, "traces of others": true} {
		t.Run(name, func(t *testing.T) {
			listener, _ := plainListener(t)
			c := newCrowd(t, clients, listener)
			c.trace = traced
			r, spans, metrics := c.watch()
			c.round()
			for group := range uint32(1 << shift) {
				require.NoError(t, r.objects.Rest(shift, group))
				c.round()
			}
			require.NoError(t, r.objects.Rest(0, 0))
			c.round()
			counters, err := r.objects.Counters()
			require.NoError(t, err)
			c.compareTCP(metrics)
			require.NoError(t, r.Shutdown(t.Context()))

			const scaled, exact = clients << shift, 2 * clients
			require.EqualValues(t, (scaled+exact)*len(requestKinds), c.served.Load())
			assert.Positive(t, counters.Rested)
			assert.EqualValues(t, 2*(clients+exact)*len(requestKinds), counters.Requests, "each was followed in one turn of eight")
			compareSpans(t, spans, scaled, exact)
			compareDurations(t, metrics, scaled, exact)
		})
	}
}

// compareSpans demands that spans of each kind stand for as many exchanges as there were.
func compareSpans(t *testing.T, spans *consumertest.TracesSink, scaled, exact int) {
	t.Helper()
	told := map[string]float64{}
	for _, f := range await(t, spans, spans.SpanCount()) {
		method, _ := f.span.Attributes().Get("http.request.method")
		status, _ := f.span.Attributes().Get("http.response.status_code")
		weight := adjusted(t, f.span)
		told[f.span.Kind().String()+" "+method.Str()+" "+strconv.Itoa(int(status.Int()))+" of "+strconv.Itoa(int(weight))] += weight
	}
	want := map[string]float64{}
	for method, status := range requestKinds {
		for _, kind := range []ptrace.SpanKind{ptrace.SpanKindServer, ptrace.SpanKindClient} {
			key := kind.String() + " " + method + " " + strconv.Itoa(status)
			want[key+" of 8"], want[key+" of 1"] = float64(scaled), float64(exact)
		}
	}
	assert.Equal(t, want, told)
}

// compareDurations does so for metrics, exact and scaled ones.
func compareDurations(t *testing.T, metrics *consumertest.MetricsSink, scaled, exact int) {
	t.Helper()
	for _, name := range []string{"http.server.request.duration", "http.client.request.duration"} {
		counted := map[string]int{}
		for _, p := range pointsOf(t, metrics, name) {
			method, _ := p.Attributes().Get("http.request.method")
			status, _ := p.Attributes().Get("http.response.status_code")
			mark, marked := p.Attributes().Get("risk.metric.scaled")
			assert.Equal(t, marked, marked && mark.Bool())
			counted[method.Str()+" "+strconv.Itoa(int(status.Int()))+" "+strconv.FormatBool(marked)] += int(p.Count())
		}
		want := map[string]int{}
		for method, status := range requestKinds {
			key := method + " " + strconv.Itoa(status) + " "
			want[key+"true"], want[key+"false"] = scaled, exact
		}
		assert.Equal(t, want, counted, name)
	}
}

// compareTCP ends all connections and demands that TCP's metrics count every connection, and every byte but for what came
// behind the last round trip that was sampled, at most an answer each: far less than what rested.
func (c *crowd) compareTCP(metrics *consumertest.MetricsSink) {
	c.t.Helper()
	for _, client := range c.clients {
		client.close(c.t)
	}
	const answer = 140 // bytes that none is longer than
	var got, want map[string]int64
	require.Eventually(c.t, func() bool {
		read, written := c.read.Load(), c.written.Load() // a server counts a write only when it is over
		want = map[string]int64{"client transmit": read, "server receive": read, "client receive": written, "server transmit": written}
		got = sumsOf(metrics, "system.network.tcp.io", "network.io.direction")
		for key, bytes := range want {
			if missing := bytes - got[key]; missing < 0 || missing > answer*int64(len(c.clients)) {
				return false
			}
		}
		return len(got) == len(want)
	}, eventually, often, "%v, want %v", &got, &want)
	opened := int64(len(c.clients))
	assert.Equal(c.t, map[string]int64{"client ": opened, "server ": opened}, sumsOf(metrics, "system.network.tcp.connection.successes", ""))
}

// TestRoundTripsOfConnectionsInTurnsStandForAll has one connection whose round trips are looked at in one turn of eight. Those in
// its turn are counted as often as they stand for, in series of their own; those before and after, once. Of bytes, none is missing.
func TestRoundTripsOfConnectionsInTurnsStandForAll(t *testing.T) {
	const shift, pings = 3, 10
	listener, port := plainListener(t)
	cfg := onlyPort(port)
	cfg.Metrics.CollectionInterval = time.Hour
	sink := &consumertest.MetricsSink{}
	created, stop := startMetrics(t, cfg, sink)
	r := created.(*ebpfReceiver)
	client, server := tcpPair(t, listener)
	sent := int64(0)
	had := map[uint8][]uint32{} // in which turns there were round trips that stand for more, by side
	scaled := map[uint8]uint64{}
	turn := func(shift int, group uint32) {
		require.NoError(t, r.objects.Rest(shift, group))
		for range pings {
			for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
				_, err := io.WriteString(way[0], "ping")
				require.NoError(t, err)
				_, err = io.ReadFull(way[1], make([]byte, 4))
				require.NoError(t, err)
			}
			sent += 4
			<-time.After(20 * time.Millisecond) // each is in a window of its own
		}
		require.NoError(t, r.objects.TCPRows(func(key bpfobj.TCPKey, row *bpfobj.TCPRow) {
			trips := uint64(0)
			for _, n := range row.Rtt.Buckets {
				trips += n
			}
			if key.Side&bpfobj.TCPScaled != 0 && shift > 0 && trips > scaled[key.Side] {
				scaled[key.Side] = trips
				had[key.Side] = append(had[key.Side], group)
			}
		}))
	}
	turn(0, 0)
	for group := range uint32(1 << shift) {
		turn(shift, group)
	}
	turn(0, 0)
	assert.Len(t, had, 2)
	assert.Len(t, had[bpfobj.TCPScaled], 1)
	assert.Equal(t, had[bpfobj.TCPScaled], had[bpfobj.TCPScaled|1], "both ends have their turn at once")
	require.NoError(t, client.Close())
	_, err := server.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, server.Close())
	stop()
	assert.Equal(t, map[string]int64{"client receive": sent, "client transmit": sent, "server receive": sent, "server transmit": sent},
		sumsOf(sink, "system.network.tcp.io", "network.io.direction"))
	counted := map[string]int{}
	for _, p := range pointsOf(t, sink, "system.network.tcp.rtt.duration") {
		role, _ := p.Attributes().Get("network.tcp.handshake.role")
		_, scaled := p.Attributes().Get("risk.metric.scaled")
		counted[role.Str()+" scaled "+strconv.FormatBool(scaled)] += int(p.Count())
	}
	for _, role := range []string{"client", "server"} {
		assert.InDelta(t, 2*pings, counted[role+" scaled false"], 4, "a window may have two pings, or none: %v", counted)
		assert.InDelta(t, pings<<shift, counted[role+" scaled true"], 2<<shift, "%v", counted)
		assert.Zero(t, counted[role+" scaled true"]%(1<<shift), "%v", counted)
	}
	assert.Len(t, counted, 4)
}

// TestFirstRequestsRestToo has a connection for every request. Their ports decide, so how many are followed is a matter of
// chance; five standard deviations are allowed for.
func TestFirstRequestsRestToo(t *testing.T) {
	const shift, rounds, clients = 2, 10, 20
	for name, listen := range map[string]func(*testing.T) net.Listener{
		"requests behind handshakes": func(t *testing.T) net.Listener { l, _ := plainListener(t); return l },
		"requests with handshakes":   deferring,
	} {
		t.Run(name, func(t *testing.T) {
			c := newCrowd(t, clients, listen(t))
			c.fresh = true
			r, spans, _ := c.watch()
			require.NoError(t, r.objects.Rest(shift, 1))
			for range rounds {
				c.round()
			}
			require.NoError(t, r.Shutdown(t.Context()))
			told := map[ptrace.SpanKind]float64{}
			for _, f := range await(t, spans, spans.SpanCount()) {
				assert.InDelta(t, 1<<shift, adjusted(t, f.span), 1e-9)
				told[f.span.Kind()]++
			}
			requests := float64(rounds * clients * len(requestKinds))
			const share = 1.0 / (1 << shift)
			assert.InDelta(t, requests*share, told[ptrace.SpanKindServer], 5*math.Sqrt(requests*share*(1-share)))
			assert.InDelta(t, told[ptrace.SpanKindServer], told[ptrace.SpanKindClient], 0, "both ends of a connection rest, or neither")
		})
	}
}

// TestAProcessIsCertainAgainWhenItsConnectionsHaveRested has a server keep a connection that rests, and is swept or not.
func TestAProcessIsCertainAgainWhenItsConnectionsHaveRested(t *testing.T) {
	for name, sweep := range map[string]func(*testing.T, *ebpfReceiver){
		"in use": func(*testing.T, *ebpfReceiver) {}, "idle": sweepAll,
	} {
		t.Run(name, func(t *testing.T) { certainAgain(t, sweep) })
	}
}

// sweepAll takes away the state of connections, and demands that there was some.
func sweepAll(t *testing.T, r *ebpfReceiver) {
	t.Helper()
	needSweeper(t, r)
	before, err := r.objects.Counters()
	require.NoError(t, err)
	for range 3 {
		require.NoError(t, r.sweeper.Sweep())
	}
	after, err := r.objects.Counters()
	require.NoError(t, err)
	require.Greater(t, after.Swept, before.Swept+1, "both ends of a connection at least")
}

func certainAgain(t *testing.T, sweep func(*testing.T, *ebpfReceiver)) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	called := server.Listener.Addr().(*net.TCPAddr).Port
	front, r, spans, _ := watchFront(t, called, "threads")
	// calls makes a request for which the front calls, and says whether it is known that it was for that.
	calls := func(request func()) (certain bool) {
		before := spans.SpanCount()
		request()
		for _, f := range await(t, spans, before+2)[before:] {
			certain = certain || !f.span.ParentSpanID().IsEmpty()
		}
		return certain
	}
	fresh := func() { require.Equal(t, http.StatusOK, ask(t, front, called)) }
	require.Eventually(t, func() bool { return calls(fresh) }, eventually, often)

	first, kept := restingClient(t, r, front, called)
	sweep(t, r)
	assert.False(t, calls(fresh), "it may have a request")
	assert.True(t, calls(kept), "it has one, and that is known")
	assert.Eventually(t, func() bool { return calls(fresh) }, eventually, often, "it has been answered")

	require.NoError(t, first.Close())
	second, again := restingClient(t, r, front, called)
	sweep(t, r)
	require.NoError(t, r.objects.Rest(mostRest, 0))
	again()
	require.NoError(t, r.objects.Rest(0, 0))
	require.False(t, calls(fresh), "it rests again")
	require.NoError(t, second.Close())
	assert.Eventually(t, func() bool { return calls(fresh) }, eventually, often, "it is closed")

	third, _ := restingClient(t, r, front, called)
	sweep(t, r)
	require.False(t, calls(fresh))
	require.Error(t, tls.Client(third, &tls.Config{ServerName: "front"}).HandshakeContext(t.Context()), "it does not speak TLS")
	require.NoError(t, third.Close())
	assert.Eventually(t, func() bool { return calls(fresh) }, eventually, often, "it is closed, whatever it spoke")
}

const mostRest = 15 // of 32768 connections one is followed

// restingClient makes a connection to the front that rests, and returns what makes a request on it.
func restingClient(t *testing.T, r *ebpfReceiver, front, called int) (net.Conn, func()) {
	t.Helper()
	for {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(front)))
		require.NoError(t, err)
		answers := bufio.NewReader(conn)
		request := func() {
			_, err := fmt.Fprintf(conn, "GET /%d HTTP/1.1\r\nHost: front\r\n\r\n", called)
			require.NoError(t, err)
			response, err := http.ReadResponse(answers, nil)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
		}
		before, err := r.objects.Counters()
		require.NoError(t, err)
		require.NoError(t, r.objects.Rest(mostRest, 0))
		request() // is counted for the front once that has accepted the connection
		request()
		require.NoError(t, r.objects.Rest(0, 0))
		after, err := r.objects.Counters()
		require.NoError(t, err)
		if after.Requests == before.Requests {
			return conn, request
		}
		require.NoError(t, conn.Close())
	}
}
