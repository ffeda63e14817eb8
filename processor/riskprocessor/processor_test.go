// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/sampling"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/metadata"
)

// riskyConfig calls a span with risky=true risky, and keeps a tenth of the others.
func riskyConfig(tb testing.TB) *Config {
	tb.Helper()
	cfg := defaultConfig(tb)
	cfg.Rules = []RuleConfig{
		{Name: "risky", Condition: `span.attributes["risky"] == true`, Weight: 0.7},
		{Name: "odd", Condition: `span.attributes["odd"] == true`, Weight: 0.2},
	}
	cfg.Sampling.Percentage = 10
	return cfg
}

func intSums(tb testing.TB, metric metricdata.Metrics) map[string]int64 {
	tb.Helper()
	data, ok := metric.Data.(metricdata.Sum[int64])
	require.True(tb, ok)
	require.True(tb, data.IsMonotonic)
	sums := map[string]int64{}
	for _, point := range data.DataPoints {
		value := ""
		for _, kv := range point.Attributes.ToSlice() {
			value = kv.Value.AsString()
		}
		sums[value] += point.Value
	}
	return sums
}

func TestSamplingKeepsTheRiskyAndAShareOfTheRest(t *testing.T) {
	g := newRig(t, riskyConfig(t))
	td := ptrace.NewTraces()
	addSpan(t, td, lowID(1), attrs{"n": 1, "risky": true})
	addSpan(t, td, lowID(2), attrs{"n": 2})
	addSpan(t, td, traceID(0), attrs{"n": 3, "odd": true})
	out := g.consume(t, td)
	require.Len(t, out, 2)
	assert.Equal(t, attrs{"n": int64(1), "risky": true, "risk.score": 0.7, "risk.level": "high", "risk.reasons": []any{"risky"}}, withinRounding(out[0]))
	assert.Equal(t, "ot=th:0", out[0].TraceState().AsRaw(), "kept for certain: it stands for itself")
	assert.Equal(t, attrs{"n": int64(3), "odd": true, "risk.score": 0.2, "risk.level": "low", "risk.reasons": []any{"odd"}}, withinRounding(out[1]))
	assert.Equal(t, "ot=th:e666", out[1].TraceState().AsRaw(), "kept by chance: it stands for ten")
	assert.Equal(t, 2, g.sink.AllTraces()[0].ResourceSpans().Len(), "no empty resource is left behind")
}

// withinRounding returns the attributes with the score rounded to twelve digits.
func withinRounding(span ptrace.Span) attrs {
	raw := span.Attributes().AsRaw()
	if score, ok := raw["risk.score"].(float64); ok {
		raw["risk.score"] = math.Round(score*1e12) / 1e12
	}
	return raw
}

func TestRiskySpanKeepsItsTraceInTheBatch(t *testing.T) {
	g := newRig(t, riskyConfig(t))
	td := ptrace.NewTraces()
	addSpan(t, td, lowID(1), attrs{"n": 1}) // comes before the risky one
	addSpan(t, td, lowID(2), attrs{"n": 2})
	addSpan(t, td, lowID(1), attrs{"n": 3, "risky": true})
	addSpan(t, td, lowID(1), attrs{"n": 4}).TraceState().FromRaw("ot=rv:ffffffffffffff;th:8")
	out := g.consume(t, td)
	require.Len(t, out, 3)
	for i, want := range []string{"ot=th:0", "ot=th:0", "ot=rv:ffffffffffffff;th:8"} {
		assert.Equal(t, want, out[i].TraceState().AsRaw())
	}
	assert.Zero(t, scoreOf(t, &out[0]), "a span keeps the score of its own")
	assert.Equal(t, map[string]int64{"score": 1, "trace": 2}, g.sums(t, "processor_risk_spans_kept"))
	assert.Equal(t, map[string]int64{"": 1}, g.sums(t, "processor_risk_spans_sampled_out"))

	td = ptrace.NewTraces()
	addSpan(t, td, lowID(1), attrs{"n": 5})
	assert.Len(t, g.consume(t, td), 1, "what comes later of the trace is kept, too")
}

func TestScoreAtTheThresholdIsKept(t *testing.T) {
	cfg := riskyConfig(t)
	cfg.Sampling.KeepAbove = cfg.Rules[0].Weight
	g := newRig(t, cfg)
	td := ptrace.NewTraces()
	addSpan(t, td, lowID(1), attrs{"risky": true})
	addSpan(t, td, lowID(1), nil)
	assert.Len(t, g.consume(t, td), 2)
	assert.Equal(t, map[string]int64{"score": 1, "trace": 1}, g.sums(t, "processor_risk_spans_kept"))
}

func TestBatchWithoutSurvivorsIsNotPassedOn(t *testing.T) {
	g := newRig(t, riskyConfig(t))
	td := ptrace.NewTraces()
	addSpan(t, td, lowID(1), nil)
	assert.Empty(t, g.consume(t, td))
	assert.Empty(t, g.sink.AllTraces())
	require.NoError(t, g.ConsumeTraces(t.Context(), ptrace.NewTraces()))
	assert.Empty(t, g.sink.AllTraces())
}

func TestModeScoreDropsNothingAndLeavesTheTraceStateAlone(t *testing.T) {
	cfg := riskyConfig(t)
	cfg.Mode = ModeScore
	g := newRig(t, cfg)
	td := ptrace.NewTraces()
	addSpan(t, td, lowID(1), nil).TraceState().FromRaw("ot=th:zz,a=b")
	addSpan(t, td, lowID(2), attrs{"risky": true})
	out := g.consume(t, td)
	require.Len(t, out, 2)
	assert.Equal(t, "ot=th:zz,a=b", out[0].TraceState().AsRaw())
	assert.Empty(t, out[1].TraceState().AsRaw())
	assert.InDelta(t, 0.7, scoreOf(t, &out[1]), 1e-12)
	assert.Equal(t, map[string]int64{"mode": 2}, g.sums(t, "processor_risk_spans_kept"))
}

func TestSpansWithoutTraceIDAreKept(t *testing.T) {
	g := newRig(t, riskyConfig(t))
	td := ptrace.NewTraces()
	addSpan(t, td, pcommon.TraceID{}, attrs{"risky": true})
	addSpan(t, td, pcommon.TraceID{}, nil)
	assert.Len(t, g.consume(t, td), 2)
	assert.Equal(t, map[string]int64{"score": 1, "no_trace_id": 1}, g.sums(t, "processor_risk_spans_kept"), "they are not one trace")
}

func TestForgedRiskAttributesAreReplaced(t *testing.T) {
	g := newRig(t, riskyConfig(t))
	td := ptrace.NewTraces()
	addSpan(t, td, traceID(0), attrs{"risk.score": 0.99, "risk.level": "critical", "risk.reasons": []any{"forged"}})
	out := g.consume(t, td)
	require.Len(t, out, 1)
	assert.Equal(t, attrs{"risk.score": 0.0, "risk.level": "low"}, out[0].Attributes().AsRaw())
}

func TestTracestateFaultsAreCounted(t *testing.T) {
	g := newRig(t, riskyConfig(t))
	td := ptrace.NewTraces()
	addSpan(t, td, traceID(0), nil).TraceState().FromRaw("ot=th:zz")
	addSpan(t, td, lowID(1), nil).TraceState().FromRaw("ot=th:8")
	addSpan(t, td, lowID(2), nil).TraceState().FromRaw("a=b")
	assert.Len(t, g.consume(t, td), 1)
	assert.Equal(t, map[string]int64{"syntax": 1, "inconsistent": 1}, g.sums(t, "processor_risk_tracestate_faults"))
}

func TestConditionErrorsAreCountedAndDoNotStopTheSpan(t *testing.T) {
	cfg := riskyConfig(t)
	cfg.Features = []FeatureConfig{{Name: "f", Type: "count", Entity: "ip", When: `Len(span.attributes["n"]) == 1`, Window: minWindow}}
	cfg.Rules = append(cfg.Rules, RuleConfig{Name: "broken", Condition: `Len(span.attributes["n"]) == 1`, Weight: 1})
	g := newRig(t, cfg)
	for range 3 {
		span := g.send(t, attrs{"n": 1, "odd": true, "client.address": "a"})
		assert.Equal(t, []any{"odd"}, reasonsOf(t, span))
	}
	assert.Equal(t, map[string]int64{"broken": 3}, g.sums(t, "processor_risk_condition_errors"))
	assert.Equal(t, map[string]int64{"f": 3}, g.sums(t, "processor_risk_feature_errors"))
	assert.Equal(t, map[string]int64{"odd": 3}, g.sums(t, "processor_risk_rule_hits"))
}

func TestEntitiesThatDoNotFitAreCounted(t *testing.T) {
	cfg := riskyConfig(t)
	cfg.Features = []FeatureConfig{{Name: "f", Type: "count", Entity: "ip", Window: maxWindow}}
	cfg.Limits.MaxEntities = 1024
	cfg.Sampling.Percentage = 100
	g := newRig(t, cfg)
	td := ptrace.NewTraces()
	const spans = 20_000
	for i := range spans {
		addSpan(t, td, traceID(0), attrs{"client.address": i})
	}
	g.consume(t, td)
	evicted, refused := g.sums(t, "processor_risk_entities_evicted")["f"], g.sums(t, "processor_risk_entities_refused")["f"]
	assert.Positive(t, refused)
	assert.Less(t, evicted, int64(spans/100), "who is seen once does not take another one's place")
	assert.InDelta(t, spans-1024, evicted+refused, 100, "what is stored, evicted and refused is what came")
}

func TestRefusalDownstreamIsPassedBack(t *testing.T) {
	refusal := errors.New("queue is full")
	set := processortest.NewNopSettings(metadata.Type)
	p, err := NewFactory().CreateTraces(t.Context(), set, riskyConfig(t), consumertest.NewErr(refusal))
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	td := ptrace.NewTraces()
	addSpan(t, td, traceID(0), nil)
	require.ErrorIs(t, p.ConsumeTraces(t.Context(), td), refusal)
	require.NoError(t, p.Shutdown(t.Context()))
}

// TestManyGoroutines sends batches from many goroutines and reconciles: every span is scored once, and is either in the
// sink or counted as sampled out; features lose no update.
func TestManyGoroutines(t *testing.T) {
	cfg := riskyConfig(t)
	cfg.Features = []FeatureConfig{
		{Name: "f", Type: "count", Entity: "ip", Window: maxWindow},
		{Name: "d", Type: "distinct", Entity: "ip", Of: "n", Window: maxWindow},
	}
	cfg.Rules = append(cfg.Rules,
		RuleConfig{Name: "many", Condition: `Feature("f") > 1000 and Feature("d") > 0`, Weight: 0.3},
		RuleConfig{Name: "general", Condition: `IsMatch(span.name, "^P") and Feature("d") >= 1`, Weight: 0.1})
	g := newRig(t, cfg)
	const goroutines, batches, spans, addresses = 16, 20, 50, 4
	var group sync.WaitGroup
	for worker := range goroutines {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 1))
			for range batches {
				td := ptrace.NewTraces()
				for i := range spans {
					addSpan(t, td, lowID(random.Uint64()>>8), attrs{
						"client.address": i % addresses, "n": random.IntN(10), "risky": random.IntN(20) == 0,
					})
				}
				assert.NoError(t, g.ConsumeTraces(t.Context(), td))
			}
		})
	}
	group.Wait()
	const total = goroutines * batches * spans
	sum := func(name string) (n int64) {
		for _, v := range g.sums(t, name) {
			n += v
		}
		return n
	}
	assert.EqualValues(t, total, sum("processor_risk_spans_scored"))
	assert.EqualValues(t, g.sink.SpanCount(), sum("processor_risk_spans_kept"))
	assert.EqualValues(t, total-g.sink.SpanCount(), sum("processor_risk_spans_sampled_out"))
	assert.EqualValues(t, total-addresses*1000, g.sums(t, "processor_risk_rule_hits")["many"], "counts went up one by one")
	assert.EqualValues(t, total, g.sums(t, "processor_risk_rule_hits")["general"])
}

// TestEstimateFromKeptSpans sends 200,000 traces of one to four spans in batches, some of them risky, and estimates the
// number of spans from those that were kept.
func TestEstimateFromKeptSpans(t *testing.T) {
	g := newRig(t, riskyConfig(t))
	random := rand.New(rand.NewPCG(21, 22))
	truth, estimate, variance := 0.0, 0.0, 0.0
	const traces, perBatch = 200_000, 2000
	for range traces / perBatch {
		td := ptrace.NewTraces()
		spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
		for range perBatch {
			id, n, risky := lowID(random.Uint64()>>8), 1+random.IntN(4), random.IntN(30) == 0
			for i := range n {
				span := spans.AppendEmpty()
				span.SetTraceID(id)
				span.Attributes().PutBool("risky", risky && i == n-1)
			}
			truth += float64(n)
			if !risky {
				variance += float64(n*n) * 9 // (1-p)/p at p = 0.1, the spans of a trace share their fate
			}
		}
		for _, span := range g.consume(t, td) {
			state, err := sampling.NewW3CTraceState(span.TraceState().AsRaw())
			require.NoError(t, err)
			estimate += state.OTelValue().AdjustedCount()
		}
	}
	assert.InDelta(t, truth, estimate, 4*math.Sqrt(variance))
}
