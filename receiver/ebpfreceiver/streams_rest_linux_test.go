// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadata"
)

// chorus is clients with a connection of HTTP/2 each, to one server.
type chorus struct {
	t       *testing.T
	server  *httptest.Server
	clients []*http.Client
}

func newChorus(t *testing.T, clients int) *chorus {
	t.Helper()
	server, _ := cleartextHTTP2(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	c := &chorus{t: t, server: server}
	for range clients {
		transport := &http.Transport{Protocols: new(http.Protocols)}
		transport.Protocols.SetUnencryptedHTTP2(true)
		t.Cleanup(transport.CloseIdleConnections)
		c.clients = append(c.clients, &http.Client{Transport: transport})
	}
	return c
}

// sing makes every client make so many requests, whose paths begin with a name.
func (c *chorus) sing(name string, requests int) {
	c.t.Helper()
	for n := range requests {
		for i, client := range c.clients {
			get(c.t, client, c.server.URL+"/"+name+"/"+strconv.Itoa(i)+"/"+strconv.Itoa(n))
		}
	}
}

// standFor adds up what spans stand for, by kind and the first part of their path; "" is a path that is not known.
func standFor(t *testing.T, all []found) map[string]float64 {
	t.Helper()
	sums := map[string]float64{}
	for _, f := range all {
		a := f.span.Attributes().AsRaw()
		path, _ := a["url.path"].(string)
		if full, ok := a["url.full"].(string); ok {
			path = strings.TrimPrefix(full, "http://")
			path = path[strings.IndexByte(path, '/'):]
		}
		first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		assert.EqualValues(t, 200, a["http.response.status_code"])
		sums[f.span.Kind().String()+" "+first] += adjusted(t, f.span)
	}
	return sums
}

// countsOf adds up a histogram's counts, of exact series and of scaled ones.
func countsOf(t *testing.T, metrics *consumertest.MetricsSink, name string) (exact, scaled float64) {
	t.Helper()
	for _, p := range pointsOf(t, metrics, name) {
		if _, marked := p.Attributes().Get("risk.metric.scaled"); marked {
			scaled += float64(p.Count())
		} else {
			exact += float64(p.Count())
		}
	}
	return exact, scaled
}

// TestConnectionsOfHTTP2ThatAreFollowedStandForAll makes most connections rest between two times when all are followed, as the
// programs do when the ring fills; the receiver then wakes them by itself. Their ports decide which rest, so how many do is a
// matter of chance; five standard deviations are allowed for.
func TestConnectionsOfHTTP2ThatAreFollowedStandForAll(t *testing.T) {
	const shift, clients, requests = 2, 60, 5
	c := newChorus(t, clients)
	r, spans, metrics := watchBoth(t, configFor(c.server))
	c.sing("before", requests)
	require.NoError(t, r.objects.RestStreams(shift))
	c.sing("while", requests)
	awake := func() bool {
		resting, err := r.objects.RestingStreams()
		return assert.NoError(t, err) && resting == 0
	}
	require.False(t, awake(), "all requests so far were made while connections rested")
	require.Eventually(t, awake, eventually, often)
	c.sing("after", requests)
	require.NoError(t, r.Shutdown(t.Context()))

	sums := standFor(t, await(t, spans, spans.SpanCount()))
	for _, kind := range []ptrace.SpanKind{ptrace.SpanKindServer, ptrace.SpanKindClient} {
		assert.InDelta(t, clients*requests, sums[kind.String()+" before"], 0)
		assert.InDelta(t, clients*requests, sums[kind.String()+" after"], 0, "those that have rested are followed from their next request on")
		const share = 1.0 / (1 << shift)
		assert.InDelta(t, clients*requests, sums[kind.String()+" while"], 5*requests/share*math.Sqrt(clients*share*(1-share)))
		assert.Positive(t, sums[kind.String()+" while"])
	}
	assert.Len(t, sums, 6, "%v", sums)
	assert.InDelta(t, sums["Server while"], sums["Client while"], 0, "both ends of a connection rest, or neither")
	for _, name := range []string{"http.server.request.duration", "http.client.request.duration"} {
		exact, scaled := countsOf(t, metrics, name)
		assert.InDelta(t, 2*clients*requests, exact, 0)
		assert.InDelta(t, sums["Server while"], scaled, 0)
	}
}

// TestSpansOfHTTP2AreThinnedAndStandForAll sets a threshold by hand, which leaves metrics exact.
func TestSpansOfHTTP2AreThinnedAndStandForAll(t *testing.T) {
	const threshold, clients, requests = 3 << 54, 20, 50 // a quarter is told
	c := newChorus(t, clients)
	r, spans, metrics := watchBoth(t, configFor(c.server))
	r.flow.threshold.Store(threshold)
	c.sing("all", requests)
	require.NoError(t, r.Shutdown(t.Context()))
	thinned := int(r.flow.thinned.Load())
	assert.Equal(t, 2*clients*requests, spans.SpanCount()+thinned)
	assert.InDelta(t, clients*requests/2, spans.SpanCount(), 5*2*math.Sqrt(clients*requests*3.0/16))
	assert.Zero(t, spans.SpanCount()%2, "both ends of an exchange are told, or neither")
	for _, f := range await(t, spans, spans.SpanCount()) {
		assert.InDelta(t, 4, adjusted(t, f.span), 1e-9)
	}
	for _, name := range []string{"http.server.request.duration", "http.client.request.duration"} {
		exact, scaled := countsOf(t, metrics, name)
		assert.InDelta(t, clients*requests, exact, 0)
		assert.Zero(t, scaled)
	}
}

// TestABudgetThatIsTooSmallMakesConnectionsOfHTTP2Rest keeps a server busy.
func TestABudgetThatIsTooSmallMakesConnectionsOfHTTP2Rest(t *testing.T) {
	c := newChorus(t, 20)
	cfg := configFor(c.server)
	cfg.CPUBudget = 1e-9
	r, _, _ := watchBoth(t, cfg)
	require.Eventually(t, func() bool {
		c.sing("all", 1)
		return r.thinning.Streams() < 0.5
	}, eventually, often)
	assert.LessOrEqual(t, r.thinning.Streams(), r.thinning.Followed())
}

// stuck is a consumer that takes nothing until it may.
type stuck struct {
	consumertest.TracesSink
	may chan struct{}
}

func (s *stuck) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	<-s.may
	return s.TracesSink.ConsumeTraces(ctx, td)
}

// TestARingThatFillsMakesConnectionsOfHTTP2Rest has a consumer that takes nothing. What is told in the end is whole.
func TestARingThatFillsMakesConnectionsOfHTTP2Rest(t *testing.T) {
	const clients = 40
	c := newChorus(t, clients)
	cfg := configFor(c.server)
	cfg.RingBufferSize, cfg.WakeupSize = 1<<18, 1<<16
	next := &stuck{may: make(chan struct{})}
	r := start(t, receivertest.NewNopSettings(metadata.Type), cfg, next).(*ebpfReceiver)
	free := sync.OnceFunc(func() { close(next.may) })
	defer free()
	c.sing("first", 1)
	require.Eventually(t, func() bool {
		c.sing("all", 1)
		return r.thinning.Streams() <= 1.0/16
	}, eventually, often)
	counters, err := r.objects.Counters()
	require.NoError(t, err)
	assert.Zero(t, counters.Degraded["stream_ring_full"], "connections rest before anything is lost")
	assert.Positive(t, counters.Rested)
	free()
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Zero(t, r.flow.streams.Counts.Gaps.Load())
	assert.Zero(t, r.flow.streams.Counts.Malformed.Load())
	assert.GreaterOrEqual(t, r.flow.streams.Counts.Requests.Load(), int64(2*clients))
}
