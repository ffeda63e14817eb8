// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/window"
)

// lookingConfig has a rule for each learned feature, and a feature of its own, whose place they must not take.
func lookingConfig(tb testing.TB) *Config {
	tb.Helper()
	cfg := learningConfig(tb)
	cfg.Mode = ModeScore
	cfg.Features = []FeatureConfig{{Name: "spans", Type: "count", Entity: "service", Window: time.Hour}}
	cfg.Rules = []RuleConfig{
		{Name: "slow", Condition: `Feature("learned.duration") < 0.001`, Weight: 0.1},
		{Name: "slow_itself", Condition: `Feature("learned.self_time") < 0.001`, Weight: 0.1},
		{Name: "lacks_a_child", Condition: `Feature("learned.missing_child") < 0.01`, Weight: 0.1},
		{Name: "failing", Condition: `Feature("learned.errors") < 0.001`, Weight: 0.1},
		{Name: "odd_trace", Condition: `Feature("learned.shape") < 0.01 and Feature("spans") > 0`, Weight: 0.1},
		{Name: "known", Condition: `Feature("learned.duration") > 0`, Weight: 0.1},
		{Name: "by_ottl", Condition: `Feature("learned.duration") < 0.001 and Len(span.name) == 8`, Weight: 0.1},
	}
	return cfg
}

// rulesOf returns the rules that fired, by service.
func rulesOf(t *testing.T, p *riskProcessor, td ptrace.Traces) map[string][]any {
	t.Helper()
	found := map[string][]any{}
	td, err := p.processTraces(t.Context(), td)
	require.NoError(t, err)
	for _, rs := range td.ResourceSpans().All() {
		service, _ := rs.Resource().Attributes().Get("service.name")
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				reasons, ok := span.Attributes().Get("risk.reasons")
				if !ok {
					continue
				}
				for _, reason := range reasons.Slice().AsRaw() {
					if text, _ := reason.(string); len(text) < 8 || text[:8] != "learned." {
						found[service.Str()] = append(found[service.Str()], reason)
					}
				}
			}
		}
	}
	return found
}

func manyFeatures(n int) []FeatureConfig {
	features := make([]FeatureConfig, n)
	for i := range features {
		features[i] = FeatureConfig{Name: fmt.Sprintf("feature_%d", i), Type: "count", Entity: "service", When: fmt.Sprintf("attributes[\"n\"] == %d", i), Window: time.Hour}
	}
	return features
}

func TestAsManyFeaturesAsFitBesideLearnedOnes(t *testing.T) {
	cfg := lookingConfig(t)
	cfg.Limits.MaxEntities = window.MinEntities
	cfg.Features = append(cfg.Features, manyFeatures(250)...)
	cfg.Rules = append(cfg.Rules, RuleConfig{Name: "last", Condition: `Feature("feature_249") == 1`, Weight: 0.1})
	td := ptrace.NewTraces()
	addSpan(t, td, traceID(0), attrs{"service.name": "a", "n": 249})
	td, err := started(t, cfg).processTraces(t.Context(), td)
	require.NoError(t, err)
	assert.Equal(t, []any{"last"}, spansOf(td)[0].Attributes().AsRaw()["risk.reasons"])

	cfg.Features = append(cfg.Features, FeatureConfig{Name: "one_more", Type: "count", Entity: "ip", Window: time.Hour})
	require.ErrorContains(t, cfg.Validate(), "features: must be at most 251 beside the 5 learned ones that rules use, found 252")
	cfg.Rules = cfg.Rules[len(cfg.Rules)-1:]
	require.NoError(t, cfg.Validate())
}

func TestRulesAskWhatIsLearned(t *testing.T) {
	p := started(t, lookingConfig(t))
	r := rand.New(rand.NewPCG(1, 2))
	one := func(change func(td ptrace.Traces)) ptrace.Traces {
		td := ptrace.NewTraces()
		checkout(td, r, lowID(r.Uint64()|1), time.Millisecond)
		change(td)
		return td
	}
	span := func(td ptrace.Traces, i int) ptrace.Span {
		return td.ResourceSpans().At(i).ScopeSpans().At(0).Spans().At(0)
	}

	assert.Empty(t, rulesOf(t, p, one(func(ptrace.Traces) {})), "of the first span nothing is known")
	for range 600 {
		rulesOf(t, p, one(func(ptrace.Traces) {}))
	}
	usual := map[string][]any{"front": {"known"}, "cart": {"known"}}
	assert.Equal(t, usual, rulesOf(t, p, one(func(td ptrace.Traces) {
		for i := range 2 {
			span(td, i).SetEndTimestamp(span(td, i).StartTimestamp() + 1e6)
		}
	})))
	assert.Equal(t, map[string][]any{"front": {"slow", "known", "by_ottl"}, "cart": {"slow", "slow_itself", "known", "by_ottl"}},
		rulesOf(t, p, one(func(td ptrace.Traces) {
			for i := range 2 { // all of it is the cart's own time
				span(td, i).SetEndTimestamp(span(td, i).StartTimestamp() + 1e10)
			}
		})))
	assert.Equal(t, []any{"lacks_a_child", "odd_trace"}, intersect(rulesOf(t, p, one(func(td ptrace.Traces) {
		td.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
			service, _ := rs.Resource().Attributes().Get("service.name")
			return service.Str() == "cart"
		})
	}))["front"], "lacks_a_child", "odd_trace"))
	var fired []any
	for range 30 {
		fired = rulesOf(t, p, one(func(td ptrace.Traces) { span(td, 1).Status().SetCode(ptrace.StatusCodeError) }))["cart"]
	}
	assert.Contains(t, fired, "failing", "many failures in a minute")
}

func intersect(all []any, wanted ...any) (both []any) {
	for _, w := range wanted {
		for _, a := range all {
			if a == w {
				both = append(both, a)
			}
		}
	}
	return both
}

func TestQuestionsAreNotLearned(t *testing.T) {
	p := started(t, lookingConfig(t))
	for range 100 {
		td := ptrace.NewTraces()
		checkout(td, rand.New(rand.NewPCG(1, 2)), lowID(1), time.Millisecond)
		_, err := p.processTraces(t.Context(), td)
		require.NoError(t, err)
	}
	var answer scoreAnswer
	require.NoError(t, p.answer(t.Context(), &scoreRequest{}, &answer))
	assert.Empty(t, answer.Reasons, "not what the last span was")
}

func TestLearnedFeaturesNeedLearning(t *testing.T) {
	cfg := lookingConfig(t)
	require.NoError(t, cfg.Validate())
	cfg.Learned.Enabled = false
	require.ErrorContains(t, cfg.Validate(), "rules::slow::condition: learned features need learned::enabled")
	cfg = lookingConfig(t)
	cfg.Mode, cfg.WholeTraces.Enabled = ModeScoreAndSample, true
	require.ErrorContains(t, cfg.Validate(), "rules::slow::condition: learned features cannot be used with whole_traces::enabled")
	cfg = lookingConfig(t)
	cfg.Rules[0].Condition = `Feature("learned.luck") > 1`
	require.ErrorContains(t, cfg.Validate(), "learned.duration", "which are there is said")
}
