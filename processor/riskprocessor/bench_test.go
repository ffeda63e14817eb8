// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/metadata"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
)

// BenchmarkProcessor measures the whole way of a span, in batches of 1000 spans from 10,000 addresses: 5 features, 10
// rules, one span in ten kept. A processed batch is used up, so every round copies a fresh one; cpu-ns/span and
// allocs/span are of the processing alone (time of its thread, so that other work on the machine does not count), ns/op and
// allocs/op include the copy. It does not measure pipelines, nor the way of a
// batch to the next consumer.
func BenchmarkProcessor(b *testing.B) {
	for _, bench := range []struct {
		name   string
		change func(*Config)
	}{
		{"5 features and 10 rules", func(*Config) {}},
		{"5 features and 10 rules, score only", func(cfg *Config) { cfg.Mode = ModeScore }},
		{"5 features and 10 rules, one by OTTL", func(cfg *Config) {
			cfg.Rules[9].Condition = `IsMatch(span.attributes["url.path"], "^/(\\.env|\\.git|wp-admin)")`
		}},
		{"5 features and no rules", func(cfg *Config) { cfg.Rules = nil }},
		{"learned outliers alone, every span a trace", func(cfg *Config) { cfg.Features, cfg.Rules, cfg.Learned.Enabled = nil, nil, true }},
		{"every rule pack", func(cfg *Config) { cfg.Features, cfg.Rules, cfg.RulePacks = nil, nil, packsOfRecords() }},
		{"nothing to look at", func(cfg *Config) { cfg.Features, cfg.Rules = nil, nil }},
		{"no features and 10 rules", func(cfg *Config) { cfg.Features = nil; forgetFeatures(cfg) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			cfg := benchConfig(b)
			bench.change(cfg)
			require.NoError(b, cfg.Validate())
			benchmarkProcessor(b, cfg)
		})
	}
}

func benchmarkProcessor(b *testing.B, cfg *Config) {
	const spans = 1000
	p := started(b, cfg)
	batches := benchBatches(64, spans)
	b.ReportAllocs()
	runtime.LockOSThread() // whose time is measured
	defer runtime.UnlockOSThread()
	var spent time.Duration
	i := 0
	for b.Loop() {
		td := ptrace.NewTraces()
		batches[i%len(batches)].CopyTo(td)
		start := cpuTime()
		_, err := p.processTraces(b.Context(), td)
		spent += cpuTime() - start
		if err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N*spans), "cpu-ns/span")
	b.ReportMetric(allocations(b, p, batches[0])/spans, "allocs/span")
}

// allocations is how many the processing of a batch makes.
func allocations(tb testing.TB, p *riskProcessor, batch ptrace.Traces) float64 {
	tb.Helper()
	copying := testing.AllocsPerRun(20, func() { batch.CopyTo(ptrace.NewTraces()) })
	all := testing.AllocsPerRun(20, func() {
		td := ptrace.NewTraces()
		batch.CopyTo(td)
		_, _ = p.processTraces(tb.Context(), td)
	})
	return all - copying
}

func TestFiveFeaturesAndTenRulesAllocateLessThanOnceASpan(t *testing.T) {
	const spans = 1000
	cfg := benchConfig(t)
	require.Len(t, cfg.Features, 5)
	require.Len(t, cfg.Rules, 10)
	assert.Less(t, allocations(t, started(t, cfg), benchBatches(1, spans)[0]), float64(spans))
}

// started returns a processor of spans at work.
func started(tb testing.TB, cfg *Config) *riskProcessor {
	tb.Helper()
	p, err := newProcessor(cfg, rule.Spans, component.NewID(metadata.Type), componenttest.NewNopTelemetrySettings(), systemClock(), newInstances(rand.Uint64))
	require.NoError(tb, err)
	require.NoError(tb, p.start(tb.Context(), componenttest.NewNopHost()))
	return p
}

// benchConfig is the example with its features, and ten rules.
func benchConfig(tb testing.TB) *Config {
	tb.Helper()
	cfg := loadConfig(tb, "example.yaml")
	cfg.Rules = cfg.Rules[:4]
	for i, condition := range []string{
		`span.attributes["http.response.status_code"] >= 500`,
		`span.attributes["url.path"] == "/.env" or span.attributes["url.path"] == "/wp-admin"`,
		`span.attributes["user_agent.original"] == nil and span.kind == SPAN_KIND_SERVER`,
		`Feature("ip_users_10m") > 2 and span.attributes["url.path"] == "/login"`,
		`Feature("device_declined_10m") > 1 and span.attributes["http.response.status_code"] == 402`,
		`resource.attributes["deployment.environment.name"] == "staging"`,
	} {
		cfg.Rules = append(cfg.Rules, RuleConfig{Name: fmt.Sprintf("rule_%d", i), Condition: condition, Weight: 0.1})
	}
	return cfg
}

func forgetFeatures(cfg *Config) {
	for i := range cfg.Rules {
		if i < 4 || i == 7 || i == 8 {
			cfg.Rules[i].Condition = `span.attributes["http.request.method"] == "TRACE"`
		}
	}
}

func loadConfig(tb testing.TB, file string) *Config {
	tb.Helper()
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", file))
	require.NoError(tb, err)
	sub, err := conf.Sub("risk")
	require.NoError(tb, err)
	cfg, ok := createDefaultConfig().(*Config)
	require.True(tb, ok)
	require.NoError(tb, sub.Unmarshal(cfg))
	cfg.Learned.Enabled = false // what is tested is rules, to the last digit
	return cfg
}

func benchBatches(batches, spans int) []ptrace.Traces {
	random := rand.New(rand.NewPCG(1, 2))
	result := make([]ptrace.Traces, batches)
	for i := range result {
		result[i] = ptrace.NewTraces()
		for range 10 {
			rs := result[i].ResourceSpans().AppendEmpty()
			rs.Resource().Attributes().PutStr("service.name", "shop")
			rs.Resource().Attributes().PutStr("host.name", "node-1")
			rs.Resource().Attributes().PutInt("process.pid", 4711)
			list := rs.ScopeSpans().AppendEmpty().Spans()
			list.EnsureCapacity(spans / 10)
			for range spans / 10 {
				benchSpan(list.AppendEmpty(), random)
			}
		}
	}
	return result
}

// benchSpan fills a span as the eBPF receiver makes it, 12 attributes.
func benchSpan(span ptrace.Span, random *rand.Rand) {
	var id pcommon.TraceID
	binary.BigEndian.PutUint64(id[:8], random.Uint64())
	binary.BigEndian.PutUint64(id[8:], random.Uint64())
	span.SetTraceID(id)
	span.SetName("GET")
	span.SetKind(ptrace.SpanKindServer)
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(time.Unix(1_700_000_000, 0)))
	attrs := span.Attributes()
	attrs.PutStr("http.request.method", "GET")
	attrs.PutStr("url.path", "/cart")
	attrs.PutStr("url.scheme", "http")
	attrs.PutInt("http.response.status_code", 200)
	attrs.PutStr("server.address", "shop.example")
	attrs.PutInt("server.port", 8080)
	n := random.IntN(10_000)
	attrs.PutStr("client.address", fmt.Sprintf("10.0.%d.%d", n/256, n%256))
	attrs.PutStr("network.peer.address", "10.1.2.3")
	attrs.PutInt("network.peer.port", 40000)
	attrs.PutStr("network.protocol.version", "1.1")
	attrs.PutStr("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64)")
	attrs.PutStr("user.id", fmt.Sprintf("user-%d", n/2))
	attrs.EnsureCapacity(16)
}
