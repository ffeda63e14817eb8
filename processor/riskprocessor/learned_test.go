// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/learn"
)

// learningConfig is the default, which learns, without rules.
func learningConfig(tb testing.TB) *Config {
	tb.Helper()
	cfg := defaultConfig(tb)
	cfg.Learned.Enabled = true
	return cfg
}

// checkout adds a trace of a front end and its call of a cart that takes about so long.
func checkout(td ptrace.Traces, r *rand.Rand, id pcommon.TraceID, cart time.Duration) {
	took := pcommon.Timestamp(float64(cart) * math.Exp(0.2*r.NormFloat64()))
	for i, service := range []string{"front", "cart"} {
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", service)
		span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		span.SetTraceID(id)
		span.SetSpanID(pcommon.SpanID{byte(i + 1)})
		span.SetName("checkout")
		span.SetStartTimestamp(1e18)
		span.SetEndTimestamp(1e18 + took)
		if i > 0 {
			span.SetParentSpanID(pcommon.SpanID{1})
		}
	}
}

func TestLearnedOutliersOutOfTheBox(t *testing.T) {
	cfg := learningConfig(t)
	cfg.Sampling.Percentage = 10
	g := newRig(t, cfg)
	r := rand.New(rand.NewPCG(1, 2))
	for n := range uint64(300) {
		td := ptrace.NewTraces()
		for i := range uint64(5) { // several traces in one batch
			checkout(td, r, lowID(5*n+i+1), time.Millisecond)
		}
		for _, span := range g.consume(t, td) {
			require.Less(t, scoreOf(t, &span), 0.6)
		}
	}
	td := ptrace.NewTraces()
	checkout(td, r, lowID(8000), time.Millisecond)
	checkout(td, r, lowID(9000), 10*time.Second)
	out := g.consume(t, td)
	require.Len(t, out, 2, "the slow trace is kept with all its spans, the usual one is sampled out")
	for _, span := range out {
		assert.Equal(t, lowID(9000), span.TraceID())
		assert.Greater(t, scoreOf(t, &span), 0.85)
		reasons, _ := span.Attributes().Get("risk.reasons")
		assert.Equal(t, []any{"learned.latency"}, reasons.Slice().AsRaw())
	}
}

func TestLearnedOutliersCombineWithRules(t *testing.T) {
	cfg := learningConfig(t)
	cfg.Rules = []RuleConfig{{Name: "front", Condition: `resource.attributes["service.name"] == "front"`, Weight: 0.5}}
	cfg.Mode = ModeScore
	g := newRig(t, cfg)
	r := rand.New(rand.NewPCG(3, 4))
	for n := range uint64(300) {
		td := ptrace.NewTraces()
		checkout(td, r, traceID(n), time.Millisecond)
		g.consume(t, td)
	}
	td := ptrace.NewTraces()
	checkout(td, r, traceID(1000), time.Second)
	out := g.consume(t, td)
	require.Len(t, out, 2)
	front, cart := scoreOf(t, &out[0]), scoreOf(t, &out[1])
	assert.InDelta(t, 1-(1-0.5)*(1-cart), front, 1e-12, "noisy-or of the rule and of what is learned about the trace")
	reasons, _ := out[0].Attributes().Get("risk.reasons")
	assert.Equal(t, []any{"front", "learned.latency"}, reasons.Slice().AsRaw())
}

func TestSpansWithoutTraceIDAreTracesOfTheirOwn(t *testing.T) {
	g := newRig(t, learningConfig(t))
	td := ptrace.NewTraces()
	for range 100 {
		addSpan(t, td, pcommon.TraceID{}, nil)
	}
	out := g.consume(t, td)
	require.Len(t, out, 100)
	assert.Less(t, scoreOf(t, &out[99]), 0.01)
}

func TestOperationsThatFindNoRoomAreCounted(t *testing.T) {
	cfg := learningConfig(t)
	cfg.Learned.MaxOperations = 64
	g := newRig(t, cfg)
	td := ptrace.NewTraces()
	for n := range 1000 {
		addSpan(t, td, traceID(0), nil).SetName(fmt.Sprint("operation ", n))
	}
	require.Len(t, g.consume(t, td), 1000)
	refused := g.sums(t, "processor_risk_operations_refused")
	assert.GreaterOrEqual(t, refused[""], int64(1000-64))
}

func TestLearnedLimitsAreChecked(t *testing.T) {
	cfg := learningConfig(t)
	cfg.Learned.MaxOperations = 1
	require.ErrorContains(t, cfg.Validate(), "learned::max_operations: must be from 64 to 1048576, found 1")
}

// What is learned is in the extension under a name, and can be saved and restored there.
func TestLearnedIsSharedThroughTheExtension(t *testing.T) {
	extension := newMemory()
	var models []*learn.Model
	for range 2 {
		i := newInstances(rand.Uint64)
		shared := &instance{}
		require.NoError(t, i.learn(learningConfig(t), shared, state{extension: extension}))
		models = append(models, shared.model)
	}
	assert.Same(t, models[0], models[1])
	models[0].NewScorer().Score(0, []learn.Span{{ID: 1, Operation: 2}})
	var snapshot bytes.Buffer
	require.NoError(t, extension.values[modelName].(interface{ Snapshot(io.Writer) error }).Snapshot(&snapshot))
	again := learn.New(64)
	require.NoError(t, any(again).(interface{ Restore(io.Reader) error }).Restore(&snapshot))
	assert.Equal(t, 1, again.Operations())

	extension.values[modelName] = "something else"
	require.ErrorContains(t, (&instances{}).learn(learningConfig(t), &instance{}, state{extension: extension}), "riskprocessor/learned")
}
