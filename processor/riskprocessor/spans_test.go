// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"
	"encoding/binary"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/annotate"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/metadata"
)

// attrs are the attributes of a span.
type attrs = map[string]any

// rig is a processor made by the factory, with what it sends on and what it counts.
type rig struct {
	processor.Traces
	sink      *consumertest.TracesSink
	telemetry *componenttest.Telemetry
	ids       atomic.Uint64
}

func newRig(tb testing.TB, cfg *Config) *rig {
	tb.Helper()
	require.NoError(tb, cfg.Validate())
	g := &rig{sink: new(consumertest.TracesSink), telemetry: componenttest.NewTelemetry()}
	set := processortest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = g.telemetry.NewTelemetrySettings()
	var err error
	g.Traces, err = NewFactory().CreateTraces(tb.Context(), set, cfg, g.sink)
	require.NoError(tb, err)
	require.True(tb, g.Capabilities().MutatesData)
	require.NoError(tb, g.Start(tb.Context(), componenttest.NewNopHost()))
	ctx := context.WithoutCancel(tb.Context())
	tb.Cleanup(func() {
		require.NoError(tb, g.Shutdown(ctx))
		require.NoError(tb, g.telemetry.Shutdown(ctx))
	})
	return g
}

// send sends one span of a trace of its own and returns it as it came out, or nil if it was dropped.
func (g *rig) send(tb testing.TB, a attrs) *ptrace.Span {
	tb.Helper()
	td := ptrace.NewTraces()
	addSpan(tb, td, traceID(g.ids.Add(1)), a)
	out := g.consume(tb, td)
	if len(out) == 0 {
		return nil
	}
	require.Len(tb, out, 1)
	return &out[0]
}

// consume sends a batch and returns the spans that came out.
func (g *rig) consume(tb testing.TB, td ptrace.Traces) []ptrace.Span {
	tb.Helper()
	g.sink.Reset()
	require.NoError(tb, g.ConsumeTraces(tb.Context(), td))
	var out []ptrace.Span
	for _, td := range g.sink.AllTraces() {
		out = append(out, spansOf(td)...)
	}
	return out
}

func spansOf(td ptrace.Traces) []ptrace.Span {
	var spans []ptrace.Span
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				spans = append(spans, span)
			}
		}
	}
	return spans
}

// addSpan adds a server span under a resource of its own.
func addSpan(tb testing.TB, td ptrace.Traces, id pcommon.TraceID, a attrs) ptrace.Span {
	tb.Helper()
	span := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetTraceID(id)
	span.SetKind(ptrace.SpanKindServer)
	span.SetName("POST")
	require.NoError(tb, span.Attributes().FromRaw(a))
	return span
}

// traceID makes a trace id whose randomness falls with n: only n = 0 survives every sampler that keeps anything.
func traceID(n uint64) pcommon.TraceID {
	var id pcommon.TraceID
	id[0] = 1
	binary.BigEndian.PutUint64(id[8:], 1<<56-1-n*(1<<40))
	return id
}

// lowID makes a trace id that every share below 99 % drops.
func lowID(n uint64) pcommon.TraceID {
	var id pcommon.TraceID
	id[0] = 2
	binary.BigEndian.PutUint64(id[8:], n)
	return id
}

func scoreOf(tb testing.TB, span *ptrace.Span) float64 {
	tb.Helper()
	require.NotNil(tb, span, "the span was dropped")
	v, ok := span.Attributes().Get(annotate.KeyScore)
	require.True(tb, ok, "risk.score is missing")
	return v.Double()
}

func reasonsOf(tb testing.TB, span *ptrace.Span) []any {
	tb.Helper()
	require.NotNil(tb, span, "the span was dropped")
	v, ok := span.Attributes().Get(annotate.KeyReasons)
	if !ok {
		return nil
	}
	return v.Slice().AsRaw()
}

// sums returns the value of a metric by the value of its attribute ("" for none).
func (g *rig) sums(tb testing.TB, name string) map[string]int64 {
	tb.Helper()
	sums := map[string]int64{}
	metric, err := g.telemetry.GetMetric("otelcol_" + name)
	if err != nil {
		return sums // nothing was counted yet
	}
	for value, n := range intSums(tb, metric) {
		sums[value] = n
	}
	return sums
}
