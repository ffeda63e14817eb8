// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/zap/zaptest"
	"golang.org/x/sys/unix"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/budget"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadata"
)

// TestThinnedSpansStandForAllAndMetricsAreExact sets a threshold by hand and compares both signals with what was sent.
func TestThinnedSpansStandForAllAndMetricsAreExact(t *testing.T) {
	needRoot(t)
	const requests, threshold = 2000, 3 << 54 // a quarter is told
	server := shop(t)
	cfg := configFor(server)
	cfg.Metrics.CollectionInterval = time.Hour
	spans, metrics := &consumertest.TracesSink{}, &consumertest.MetricsSink{}
	factory, set := NewFactory(), receivertest.NewNopSettings(metadata.Type)
	_, err := factory.CreateMetrics(t.Context(), set, cfg, metrics)
	require.NoError(t, err)
	r, err := factory.CreateTraces(t.Context(), set, cfg, spans)
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	defer func() { assert.NoError(t, r.Shutdown(context.Background())) }()
	require.NoError(t, r.(*ebpfReceiver).objects.Thin(threshold))
	for range requests {
		get(t, server.Client(), server.URL)
	}
	counters, err := r.(*ebpfReceiver).objects.Counters()
	require.NoError(t, err)
	require.NoError(t, r.Shutdown(t.Context()))
	assert.InDelta(t, requests/2, spans.SpanCount(), 4*30) // four standard deviations of pairs
	assert.Zero(t, spans.SpanCount()%2, "both ends of an exchange are told, or neither")
	assert.EqualValues(t, 2*requests, spans.SpanCount()+int(counters.Thinned))
	for _, traces := range spans.AllTraces() {
		span := traces.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
		assert.Equal(t, "ot=th:c", span.TraceState().AsRaw())
	}
	for _, name := range []string{"http.server.request.duration", "http.client.request.duration"} {
		points := pointsOf(t, metrics, name)
		require.Len(t, points, 1)
		assert.EqualValues(t, requests, points[0].Count(), name)
	}
}

// TestWhatFailedIsToldWhateverTheThreshold thins all, and has answers of 503 among others, which may come behind an interim
// response, in a packet of its own.
func TestWhatFailedIsToldWhateverTheThreshold(t *testing.T) {
	const all, rounds, clients = 1<<56 - 1, 10, 8
	t.Run("1.1", func(t *testing.T) {
		listener, _ := plainListener(t)
		c := newCrowd(t, clients, listener)
		r, spans, _ := c.watch()
		require.NoError(t, r.objects.Thin(all))
		for range rounds {
			c.round()
		}
		require.NoError(t, r.Shutdown(t.Context()))
		compareFailed(t, spans, rounds*clients)
	})
	t.Run("1.1, behind an interim response", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/503" {
				w.WriteHeader(http.StatusEarlyHints)
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}))
		defer server.Close()
		r, spans, _ := watchBoth(t, configFor(server))
		require.NoError(t, r.objects.Thin(all))
		for range rounds {
			for _, path := range []string{"/503", "/200"} {
				askOnce(t, server, "GET "+path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
			}
		}
		require.NoError(t, r.Shutdown(t.Context()))
		compareFailed(t, spans, rounds)
	})
	t.Run("2", func(t *testing.T) {
		server, client := cleartextHTTP2(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/503" {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		})
		r, spans, _ := watchBoth(t, configFor(server))
		r.flow.threshold.Store(all)
		for range rounds {
			for _, path := range []string{"/503", "/200"} {
				response, err := client.Get(server.URL + path)
				require.NoError(t, err)
				require.NoError(t, response.Body.Close())
			}
		}
		require.NoError(t, r.Shutdown(t.Context()))
		compareFailed(t, spans, rounds)
	})
}

// compareFailed demands so many exchanges that were answered with 503, from both ends, and nothing else.
func compareFailed(t *testing.T, spans *consumertest.TracesSink, want int) {
	t.Helper()
	told := map[ptrace.SpanKind]int{}
	for _, f := range await(t, spans, spans.SpanCount()) {
		assert.EqualValues(t, 503, f.span.Attributes().AsRaw()["http.response.status_code"])
		assert.InDelta(t, 1, adjusted(t, f.span), 0, "it stands for itself")
		told[f.span.Kind()]++
	}
	assert.Equal(t, map[ptrace.SpanKind]int{ptrace.SpanKindServer: want, ptrace.SpanKindClient: want}, told)
}

// TestTracesAreThinnedByTheirRandomBits sends requests whose traceparent decides.
func TestTracesAreThinnedByTheirRandomBits(t *testing.T) {
	server := shop(t)
	cfg := configFor(server)
	sink := &consumertest.TracesSink{}
	r := start(t, receivertest.NewNopSettings(metadata.Type), cfg, sink)
	require.NoError(t, r.(*ebpfReceiver).objects.Thin(1<<55))
	for _, bits := range []string{"7fffffffffffff", "80000000000000", "00000000000001", "ffffffffffffff"} {
		for _, field := range []string{"traceparent", "Traceparent", "TRACEPARENT"} {
			askOnce(t, server, "GET / HTTP/1.1\r\nHost: a\r\nX-Trace: tracepa: rent\r\n"+field+": 00-4bf92f3577b34da6a3"+bits+
				"-00f067aa0ba902b7-01\r\nConnection: close\r\n\r\n")
		}
	}
	for _, f := range await(t, sink, 12) {
		assert.GreaterOrEqual(t, f.span.TraceID().String()[18:], "80000000000000")
		assert.Equal(t, "ot=th:8", f.span.TraceState().AsRaw())
	}
}

// TestTracesOfB3AreThinnedByTheirConnections sends requests of a trace whose bits decide nothing in the kernel.
func TestTracesOfB3AreThinnedByTheirConnections(t *testing.T) {
	server := shop(t)
	sink := &consumertest.TracesSink{}
	r := start(t, receivertest.NewNopSettings(metadata.Type), configFor(server), sink)
	require.NoError(t, r.(*ebpfReceiver).objects.Thin(1<<55))
	for range 64 {
		askOnce(t, server, "GET / HTTP/1.1\r\nHost: a\r\nb3: a380000000000000-00f067aa0ba902b7-1\r\nConnection: close\r\n\r\n")
	}
	require.NoError(t, r.Shutdown(t.Context()))
	require.NotZero(t, sink.SpanCount())
	for _, f := range await(t, sink, sink.SpanCount()) {
		assert.Equal(t, "ot=th:8;rv:c0000000000000", f.span.TraceState().AsRaw(), "at both ends")
	}
}

func TestTheKernelsTimeIsMeasured(t *testing.T) {
	needRoot(t)
	server := shop(t)
	r := start(t, receivertest.NewNopSettings(metadata.Type), configFor(server), consumertest.NewNop())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 200 {
			if response, err := server.Client().Get(server.URL); err == nil {
				_ = response.Body.Close()
			}
		}
	}()
	var busy float64
	require.Eventually(t, func() (ok bool) {
		var err error
		busy, err = r.(*ebpfReceiver).objects.CPUTime(t.Context(), 2*time.Millisecond)
		return err == nil && busy > 0
	}, eventually, time.Millisecond)
	assert.Less(t, busy, 2.0)
	<-done
}

// TestABudgetThatIsTooSmallLeavesOutWhatItMay keeps a server busy, for its connections to rest.
func TestABudgetThatIsTooSmallLeavesOutWhatItMay(t *testing.T) {
	for name, rests := range map[string]bool{"connections may rest": true, "they may not": false} {
		t.Run(name, func(t *testing.T) {
			server := shop(t)
			cfg := configFor(server)
			cfg.CPUBudget, cfg.RestConnections = 1e-9, rests
			r := start(t, receivertest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop()).(*ebpfReceiver)
			require.Eventually(t, func() bool {
				get(t, server.Client(), server.URL)
				return r.thinning.Probability() < 2*budget.MinProbability || r.thinning.Followed() < 0.5
			}, eventually, often)
			assert.Equal(t, rests, r.thinning.Followed() < 1)
			assert.Positive(t, r.thinning.Share())
		})
	}
}

// TestMetricsAloneKeepToTheBudget has nothing that could be thinned.
func TestMetricsAloneKeepToTheBudget(t *testing.T) {
	needRoot(t)
	server := shop(t)
	cfg := configFor(server)
	cfg.CPUBudget = 1e-9
	r, stop := startMetrics(t, cfg, &consumertest.MetricsSink{})
	defer stop()
	require.Eventually(t, func() bool {
		get(t, server.Client(), server.URL)
		return r.(*ebpfReceiver).thinning.Followed() < 1
	}, eventually, often)
	assert.InDelta(t, 1, r.(*ebpfReceiver).thinning.Probability(), 0)
}

// TestABudgetIsOfTheHostWhateverProcessorsAreOurs runs itself again, on one processor.
func TestABudgetIsOfTheHostWhateverProcessorsAreOurs(t *testing.T) {
	if os.Getenv("TEST_ON_ONE_PROCESSOR") != "" {
		require.Equal(t, 1, runtime.NumCPU())
		of := newThinning(createDefaultConfig().(*Config), true, nil, nil, nil, zaptest.NewLogger(t)).processors
		stat, err := os.ReadFile("/proc/stat")
		require.NoError(t, err)
		assert.InDelta(t, bytes.Count(stat, []byte("\ncpu")), of, 0)
		return
	}
	runtime.LockOSThread() // and never unlocked: the thread ends with the test, and its processor is inherited
	var first unix.CPUSet
	require.NoError(t, unix.SchedGetaffinity(0, &first))
	for cpu := len(first)*64 - 1; first.Count() > 1; cpu-- {
		first.Clear(cpu)
	}
	require.NoError(t, unix.SchedSetaffinity(0, &first))
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	again.Env = append(os.Environ(), "TEST_ON_ONE_PROCESSOR=1")
	out, err := again.CombinedOutput()
	require.NoError(t, err, string(out))
}

// TestAHostIsBusyWhileAProcessorIs keeps one processor busy, for most of the time at least.
func TestAHostIsBusyWhileAProcessorIs(t *testing.T) {
	var th thinning
	_, err := th.busy()
	require.NoError(t, err)
	for before := processTime(); processTime()-before < 300*time.Millisecond; { // of processor time, however long that takes
	}
	busy, err := th.busy()
	require.NoError(t, err)
	assert.Positive(t, busy)
	assert.LessOrEqual(t, busy, 1.0)
}
