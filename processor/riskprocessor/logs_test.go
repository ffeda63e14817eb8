// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/metadata"
)

// pair is one component in a pipeline of traces and in one of logs.
type pair struct {
	traces, logs func(t *testing.T, id pcommon.TraceID, a attrs) attrs // sends one record, and returns what came out
}

func newPair(t *testing.T, cfg *Config) pair {
	t.Helper()
	require.NoError(t, cfg.Validate())
	set, f := processortest.NewNopSettings(metadata.Type), NewFactory()
	spans, records := new(consumertest.TracesSink), new(consumertest.LogsSink)
	traces, err := f.CreateTraces(t.Context(), set, cfg, spans)
	require.NoError(t, err)
	logs, err := f.CreateLogs(t.Context(), set, cfg, records)
	require.NoError(t, err)
	require.True(t, logs.Capabilities().MutatesData)
	require.NoError(t, traces.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, logs.Start(t.Context(), componenttest.NewNopHost()))
	ctx := context.WithoutCancel(t.Context())
	t.Cleanup(func() {
		require.NoError(t, traces.Shutdown(ctx))
		require.NoError(t, logs.Shutdown(ctx))
	})
	return pair{
		traces: func(t *testing.T, id pcommon.TraceID, a attrs) attrs {
			t.Helper()
			spans.Reset()
			td := ptrace.NewTraces()
			addSpan(t, td, id, a)
			require.NoError(t, traces.ConsumeTraces(t.Context(), td))
			for _, td := range spans.AllTraces() {
				return spansOf(td)[0].Attributes().AsRaw()
			}
			return nil
		},
		logs: func(t *testing.T, id pcommon.TraceID, a attrs) attrs {
			t.Helper()
			records.Reset()
			ld := plog.NewLogs()
			record := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
			record.SetTraceID(id)
			record.Body().SetStr("login failed")
			require.NoError(t, record.Attributes().FromRaw(a))
			require.NoError(t, logs.ConsumeLogs(t.Context(), ld))
			for _, ld := range records.AllLogs() {
				return ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().AsRaw()
			}
			return nil
		},
	}
}

func logsConfig(t *testing.T) *Config {
	t.Helper()
	cfg := riskyConfig(t)
	cfg.Features = []FeatureConfig{
		{Name: "all", Type: "count", Entity: "ip", Window: maxWindow},
		{Name: "logs_only", Type: "count", Entity: "ip", Window: maxWindow, Signals: []string{"logs"}},
		{Name: "failed", Type: "count", Entity: "ip", Window: maxWindow, When: `log.body == "login failed"`},
	}
	cfg.Rules = append(cfg.Rules,
		RuleConfig{Name: "both", Condition: `Feature("all") >= 3`, Weight: 0.1},
		RuleConfig{Name: "logs", Condition: `Feature("logs_only") >= 2`, Weight: 0.1},
		RuleConfig{Name: "failures", Condition: `Feature("failed") >= 2`, Weight: 0.1},
		RuleConfig{Name: "log_rule", Condition: `log.severity_number == SEVERITY_NUMBER_UNSPECIFIED and IsMatch(log.body, "^login")`, Weight: 0.1},
		RuleConfig{Name: "ottl_log_rule", Condition: `Len(log.body) == 12`, Weight: 0.1},
		RuleConfig{Name: "span_rule", Condition: `span.kind == SPAN_KIND_SERVER`, Weight: 0.1},
	)
	return cfg
}

func TestTracesAndLogsCountTogether(t *testing.T) {
	g := newPair(t, logsConfig(t))
	a := attrs{"client.address": "192.0.2.1"}
	assert.Equal(t, []any{"span_rule"}, g.traces(t, traceID(0), a)["risk.reasons"])
	assert.Equal(t, []any{"log_rule", "ottl_log_rule"}, g.logs(t, traceID(0), a)["risk.reasons"])
	assert.Equal(t, []any{"both", "logs", "failures", "log_rule", "ottl_log_rule"}, g.logs(t, traceID(0), a)["risk.reasons"])
	assert.Equal(t, []any{"both", "logs", "failures", "span_rule"}, g.traces(t, traceID(0), a)["risk.reasons"], "a span is not counted by all of them, but sees them")
}

func TestLogsAreSampledWithTheirTrace(t *testing.T) {
	cfg := riskyConfig(t)
	cfg.Rules[0].Condition = `attributes["risky"] == true` // which both signals have
	g := newPair(t, cfg)
	out := g.logs(t, traceID(0), nil)
	assert.Equal(t, "e666", out["sampling.threshold"], "kept by chance: it stands for ten")
	assert.NotContains(t, out, "sampling.randomness", "which the trace id has")
	assert.Nil(t, g.logs(t, lowID(1), nil), "dropped by chance")
	assert.Equal(t, "0", g.logs(t, lowID(2), attrs{"risky": true})["sampling.threshold"], "kept for what it says")
	assert.Equal(t, "0", g.logs(t, lowID(2), nil)["sampling.threshold"], "kept for its trace")
	assert.NotNil(t, g.traces(t, lowID(2), nil), "and so are the spans of the trace")
	assert.NotNil(t, g.traces(t, lowID(3), attrs{"risky": true}))
	assert.NotNil(t, g.logs(t, lowID(3), nil), "and the other way round")
}

func TestSpansAndLogsOfATraceShareTheirFate(t *testing.T) {
	g := newPair(t, riskyConfig(t))
	kept := 0
	for n := range uint64(2000) {
		id := traceID(n * 32)
		span, log := g.traces(t, id, nil), g.logs(t, id, nil)
		require.Equal(t, span == nil, log == nil, "trace %v", id)
		if span != nil {
			kept++
		}
	}
	assert.Positive(t, kept)
	assert.Less(t, kept, 2000)
}

func TestLogsWithoutATraceCarryTheirRandomness(t *testing.T) {
	g := newPair(t, riskyConfig(t))
	kept := 0
	for range 2000 {
		out := g.logs(t, pcommon.TraceID{}, nil)
		if out == nil {
			continue
		}
		kept++
		require.Equal(t, "e666", out["sampling.threshold"])
		require.GreaterOrEqual(t, out["sampling.randomness"], "e6660000000000")
		again := g.logs(t, pcommon.TraceID{}, out)
		require.Equal(t, out, again, "another sampler of the same share keeps it, and it stands for as many")
	}
	assert.InDelta(t, 200, kept, 80)
}

func TestDryRunDropsNothing(t *testing.T) {
	cfg := riskyConfig(t)
	cfg.Sampling.DryRun = true
	g := newRig(t, cfg)
	td := ptrace.NewTraces()
	addSpan(t, td, lowID(1), attrs{"risky": true})
	addSpan(t, td, lowID(2), nil)
	addSpan(t, td, traceID(0), nil).TraceState().FromRaw("ot=th:4")
	out := g.consume(t, td)
	require.Len(t, out, 3)
	for i, want := range []string{"keep", "drop", "keep"} {
		assert.Equal(t, want, out[i].Attributes().AsRaw()["risk.sampling"])
	}
	assert.Empty(t, out[0].TraceState().AsRaw(), "sampling marks are left alone")
	assert.Equal(t, "ot=th:4", out[2].TraceState().AsRaw())
	assert.Equal(t, map[string]int64{"score": 1, "dry_run": 1, "probability": 1}, g.sums(t, "processor_risk_spans_kept"))
	assert.Empty(t, g.sums(t, "processor_risk_spans_sampled_out"))
	p := newPair(t, cfg)
	assert.Equal(t, attrs{"risk.score": 0.0, "risk.level": "low", "risk.sampling": "drop"}, p.logs(t, lowID(1), nil))
}

// TestFeaturesOfTwoNamesCountOnce: one that is tried out may count what a live one counts, under a name of its own.
func TestFeaturesOfTwoNamesCountOnce(t *testing.T) {
	cfg := defaultConfig(t)
	cfg.Features = []FeatureConfig{{Name: "seen", Type: "count", Entity: "ip", Window: maxWindow}, {Name: "seen_again", Type: "count", Entity: "ip", Window: maxWindow}}
	cfg.Shadow.Features = []FeatureConfig{{Name: "seen_by_shadow", Type: "count", Entity: "ip", Window: maxWindow}}
	cfg.Rules = []RuleConfig{{Name: "second", Condition: `Feature("seen") == 2 and Feature("seen_again") == 2`, Weight: 0.1}}
	cfg.Shadow.Rules = []RuleConfig{{Name: "shadow", Condition: `Feature("seen_by_shadow") == 2`, Weight: 0.1}}
	g := newRig(t, cfg)
	a := attrs{"client.address": "192.0.2.1"}
	assert.Empty(t, reasonsOf(t, g.send(t, a)))
	assert.Equal(t, []any{"second"}, reasonsOf(t, g.send(t, a)))
	assert.Equal(t, map[string]int64{"shadow": 1}, g.sums(t, "processor_risk_shadow_rule_hits"))
}

func TestShadowRulesChangeNothing(t *testing.T) {
	cfg := riskyConfig(t)
	cfg.Shadow.Features = []FeatureConfig{{Name: "f", Type: "count", Entity: "ip", Window: maxWindow}}
	cfg.Shadow.Rules = []RuleConfig{
		{Name: "risky", Condition: `span.attributes["risky"] == true and Feature("f") > 1`, Weight: 1},
		{Name: "odd", Condition: `span.attributes["odd"] == true`, Weight: 1},
		{Name: "broken", Condition: `Len(span.attributes["n"]) == 1`, Weight: 1},
	}
	with, without := newRig(t, cfg), newRig(t, riskyConfig(t))
	for _, a := range []attrs{
		{"client.address": "a", "risky": true}, {"client.address": "a", "risky": true}, {"odd": true}, {"n": 1}, nil,
	} {
		td := ptrace.NewTraces()
		addSpan(t, td, traceID(0), a)
		copied := ptrace.NewTraces()
		td.CopyTo(copied)
		got, want := with.consume(t, td), without.consume(t, copied)
		require.Len(t, got, len(want))
		assert.Equal(t, want[0].Attributes().AsRaw(), got[0].Attributes().AsRaw())
		assert.Equal(t, want[0].TraceState().AsRaw(), got[0].TraceState().AsRaw())
	}
	for _, name := range []string{"processor_risk_spans_kept", "processor_risk_spans_scored", "processor_risk_rule_hits", "processor_risk_condition_errors"} {
		assert.Equal(t, without.sums(t, name), with.sums(t, name), name)
	}
	assert.Equal(t, map[string]int64{"only_live": 1, "both": 1, "only_shadow": 1, "neither": 2}, with.sums(t, "processor_risk_shadow_spans"))
	assert.Equal(t, map[string]int64{"risky": 1, "odd": 1}, with.sums(t, "processor_risk_shadow_rule_hits"))
	assert.Equal(t, map[string]int64{"broken": 5}, with.sums(t, "processor_risk_shadow_condition_errors"))
}
