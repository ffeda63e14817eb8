// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/tailsamplingprocessor"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor"
)

const (
	besideBatches = 100
	besideTraces  = 100 // a batch
	besideSpans   = 10  // a trace
)

// BenchmarkBeside gives the same traces to the risk processor and to contrib's tail_sampling. cpu-ns/span is the time of all
// threads of the process, garbage collection included, from the first batch until everything is decided; kept-percent is
// the share of spans that come out. It does not measure pipelines.
func BenchmarkBeside(b *testing.B) {
	example, err := confmaptest.LoadConf(filepath.Join("..", "..", "processor", "riskprocessor", "testdata", "example.yaml"))
	require.NoError(b, err)
	sub, err := example.Sub("risk")
	require.NoError(b, err)
	settings := func(more map[string]any) map[string]any {
		all := sub.ToStringMap()
		maps.Copy(all, more)
		return all
	}
	on, off := map[string]any{"enabled": true}, map[string]any{"enabled": false}
	for _, bench := range []struct {
		name     string
		factory  processor.Factory
		settings map[string]any
	}{
		{"risk", riskprocessor.NewFactory(), settings(map[string]any{"learned": off})},
		{"risk with learned outliers", riskprocessor.NewFactory(), settings(nil)},
		{"risk with learned outliers and whole traces", riskprocessor.NewFactory(), settings(map[string]any{"whole_traces": on})},
		{"tail_sampling", tailsamplingprocessor.NewFactory(), map[string]any{
			"decision_wait": "1h", // decided at shutdown, when everything is there
			"num_traces":    2 * besideBatches * besideTraces,
			"policies": []any{
				map[string]any{"name": "slow", "type": "latency", "latency": map[string]any{"threshold_ms": 90}},
				map[string]any{"name": "some", "type": "rate_limiting", "rate_limiting": map[string]any{"spans_per_second": 1000}},
			},
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var spent time.Duration
			kept := 0
			for b.Loop() {
				cpu, spans := runBeside(b, bench.factory, bench.settings)
				spent, kept = spent+cpu, kept+spans
			}
			all := float64(b.N * besideBatches * besideTraces * besideSpans)
			b.ReportMetric(float64(spent.Nanoseconds())/all, "cpu-ns/span")
			b.ReportMetric(float64(kept)/all*100, "kept-percent")
		})
	}
}

// runBeside runs one processor over all batches, and returns the time it took and the spans that came out.
func runBeside(b *testing.B, factory processor.Factory, settings map[string]any) (time.Duration, int) {
	b.Helper()
	cfg := factory.CreateDefaultConfig()
	require.NoError(b, confmap.NewFromStringMap(settings).Unmarshal(cfg))
	sink := &counting{Consumer: consumertest.NewNop()}
	p, err := factory.CreateTraces(b.Context(), processortest.NewNopSettings(factory.Type()), cfg, sink)
	require.NoError(b, err)
	require.NoError(b, p.Start(b.Context(), componenttest.NewNopHost()))
	random := rand.New(rand.NewPCG(1, 2))
	batches := make([]ptrace.Traces, besideBatches)
	for i := range batches {
		batches[i] = besideBatch(random)
	}
	runtime.GC()
	start := processTime(b)
	for i, batch := range batches {
		batches[i] = ptrace.Traces{} // nobody else holds it
		require.NoError(b, p.ConsumeTraces(b.Context(), batch))
	}
	require.NoError(b, p.Shutdown(b.Context()))
	return processTime(b) - start, int(sink.spans.Load())
}

// counting counts the spans that it is given.
type counting struct {
	consumertest.Consumer
	spans atomic.Int64
}

// ConsumeTraces implements consumer.Traces.
func (c *counting) ConsumeTraces(_ context.Context, td ptrace.Traces) error {
	c.spans.Add(int64(td.SpanCount()))
	return nil
}

// processTime is the user and system time of the process.
func processTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// besideBatch makes whole traces of one root and its children, from 10,000 addresses. One in ten takes more than 90 ms.
func besideBatch(random *rand.Rand) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "shop")
	rs.Resource().Attributes().PutStr("host.name", "node-1")
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	spans.EnsureCapacity(besideTraces * besideSpans)
	for range besideTraces {
		var id pcommon.TraceID
		binary.BigEndian.PutUint64(id[:8], random.Uint64())
		binary.BigEndian.PutUint64(id[8:], random.Uint64())
		client, took := random.IntN(10_000), pcommon.Timestamp(random.Int64N(int64(100*time.Millisecond)))
		for place := range besideSpans {
			span := spans.AppendEmpty()
			span.SetTraceID(id)
			span.SetSpanID(pcommon.SpanID{byte(place + 1)})
			if place > 0 {
				span.SetParentSpanID(pcommon.SpanID{1})
			}
			span.SetName(fmt.Sprint("GET /", place))
			span.SetKind(ptrace.SpanKindServer)
			span.SetStartTimestamp(1e18)
			span.SetEndTimestamp(1e18 + took)
			besideAttributes(span.Attributes(), client)
		}
	}
	return td
}

// besideAttributes are those of a span as the eBPF receiver makes it.
func besideAttributes(attrs pcommon.Map, client int) {
	attrs.EnsureCapacity(16)
	attrs.PutStr("http.request.method", "GET")
	attrs.PutStr("url.path", "/cart")
	attrs.PutStr("url.scheme", "http")
	attrs.PutInt("http.response.status_code", 200)
	attrs.PutStr("server.address", "shop.example")
	attrs.PutInt("server.port", 8080)
	attrs.PutStr("client.address", fmt.Sprintf("10.0.%d.%d", client/256, client%256))
	attrs.PutStr("network.peer.address", "10.1.2.3")
	attrs.PutInt("network.peer.port", 40000)
	attrs.PutStr("network.protocol.version", "1.1")
	attrs.PutStr("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64)")
	attrs.PutStr("user.id", fmt.Sprintf("user-%d", client/2))
}
