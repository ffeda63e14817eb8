// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/metadata"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/window"
)

// residentMiB is the memory of this process that is in use, without garbage, 0 where it cannot be read.
func residentMiB(tb testing.TB) float64 {
	tb.Helper()
	debug.FreeOSMemory()
	var size, resident float64
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	_, err = fmt.Sscan(string(statm), &size, &resident)
	require.NoError(tb, err)
	return resident * float64(os.Getpagesize()) / (1 << 20)
}

// crowd sends spans of many addresses, in a batch that is used again and again.
type crowd struct {
	processor *riskProcessor
	batch     ptrace.Traces
	spans     []ptrace.Span
}

// newCrowd makes the processor, too; its keys are hashed with the same seed each time.
func newCrowd(tb testing.TB, cfg *Config) *crowd {
	tb.Helper()
	cfg.State = &stateID
	p, err := newProcessor(cfg, rule.Spans, component.NewID(metadata.Type), componenttest.NewNopTelemetrySettings(), systemClock(), newInstances(rand.Uint64))
	require.NoError(tb, err)
	require.NoError(tb, p.start(tb.Context(), hostWith(newMemory())))
	c := &crowd{processor: p, batch: ptrace.NewTraces()}
	list := c.batch.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	list.EnsureCapacity(1000)
	for range 1000 {
		span := list.AppendEmpty()
		span.SetKind(ptrace.SpanKindServer)
		c.spans = append(c.spans, span)
	}
	return c
}

// send sends one span of each address from first on, a multiple of 1000, and returns the reasons given.
func (c *crowd) send(tb testing.TB, first, addresses int) []string {
	tb.Helper()
	var reasons []string
	for at := first; at < first+addresses; at += len(c.spans) {
		for i, span := range c.spans {
			var ip [4]byte
			binary.BigEndian.PutUint32(ip[:], uint32(at+i))
			span.Attributes().PutStr("client.address", fmt.Sprintf("%d.%d.%d.%d", ip[0], ip[1], ip[2], ip[3]))
			span.Attributes().PutStr("user.id", "nobody")
		}
		_, err := c.processor.processTraces(tb.Context(), c.batch)
		require.NoError(tb, err)
		if first == 0 {
			for _, span := range c.spans {
				text := ""
				if value, ok := span.Attributes().Get("risk.reasons"); ok {
					text = value.AsString()
				}
				reasons = append(reasons, text)
			}
		}
	}
	return reasons
}

// crowdConfig has rules that depend on how often exactly an address was seen.
func crowdConfig(tb testing.TB) *Config {
	tb.Helper()
	cfg := defaultConfig(tb)
	cfg.Mode = ModeScore
	cfg.Features = []FeatureConfig{
		{Name: "requests", Type: "count", Entity: "ip", Window: time.Hour},
		{Name: "users", Type: "distinct", Entity: "ip", Of: "user", Window: time.Hour},
	}
	for n := 1; n <= 12; n++ {
		cfg.Rules = append(cfg.Rules, RuleConfig{Name: fmt.Sprintf("seen_%d", n), Condition: fmt.Sprintf(`Feature("requests") == %d and Feature("users") == 1`, n), Weight: 0.05 * float64(n)})
	}
	require.NoError(tb, cfg.Validate())
	return cfg
}

// pastFlood sends addresses seen once past 1000s of regulars that come again and again, and returns how many of the
// regulars' scores are others than without them. Filled is called when the tables hold as much as they can.
func pastFlood(tb testing.TB, cfg *Config, regulars, fill, flood int, filled func()) (changed int) {
	tb.Helper()
	const rounds = 8
	quiet, flooded := newCrowd(tb, cfg), newCrowd(tb, cfg)
	for range 4 {
		quiet.send(tb, 0, regulars)
		flooded.send(tb, 0, regulars)
	}
	flooded.send(tb, 1<<24, fill)
	filled()
	for round := range rounds {
		flooded.send(tb, 1<<25+round*flood/rounds, flood/rounds)
		want, got := quiet.send(tb, 0, regulars), flooded.send(tb, 0, regulars)
		require.Len(tb, want, regulars)
		for i := range want {
			if want[i] != got[i] {
				changed++
			}
		}
	}
	return changed
}

// TestFloodChangesNoScore is BenchmarkFlood in small: twenty addresses seen once for every cell.
func TestFloodChangesNoScore(t *testing.T) {
	cfg := crowdConfig(t)
	cfg.Limits.MaxEntities = 8 * window.MinEntities
	assert.Zero(t, pastFlood(t, cfg, 1000, 16_000, 160_000, func() {}))
}

// BenchmarkFlood sends ten million addresses seen once past 20,000 that come again and again, and compares with what the
// 20,000 get without a flood: changed-scores and grown-MiB must be 0, but for some noise of the memory.
func BenchmarkFlood(b *testing.B) {
	const flood = 10_000_000
	for b.Loop() {
		var before float64
		var start time.Time
		changed := pastFlood(b, crowdConfig(b), 20_000, 200_000, flood, func() { before, start = residentMiB(b), time.Now() })
		b.ReportMetric(float64(changed), "changed-scores")
		b.ReportMetric(max(0, residentMiB(b)-before), "grown-MiB")
		b.ReportMetric(float64(time.Since(start).Nanoseconds())/flood, "ns/address")
	}
}

// BenchmarkMillionEntities counts a million addresses in a table of two million cells. More than half a table makes some
// buckets overflow: stored-percent says how many addresses have a count of their own.
func BenchmarkMillionEntities(b *testing.B) {
	const addresses = 1_000_000
	for b.Loop() {
		cfg := crowdConfig(b)
		cfg.Features, cfg.Rules = cfg.Features[:1], []RuleConfig{{Name: "twice", Condition: `Feature("requests") == 2`, Weight: 0.5}}
		cfg.Limits.MaxEntities = 2 * addresses
		before := residentMiB(b)
		c := newCrowd(b, cfg)
		c.send(b, 0, addresses)
		b.ReportMetric(residentMiB(b)-before, "MiB")
		stored := 0
		for _, reasons := range c.send(b, 0, addresses) {
			if reasons == `["twice"]` {
				stored++
			}
		}
		b.ReportMetric(float64(stored)/addresses*100, "stored-percent")
	}
}
