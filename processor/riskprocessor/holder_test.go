// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/metadata"
)

// holding is a rig whose time is set.
type holding struct {
	*rig
	now atomic.Int64
}

// holdingConfig holds traces, and keeps one in a million of those that are not risky.
func holdingConfig(tb testing.TB) *Config {
	tb.Helper()
	cfg := riskyConfig(tb)
	cfg.WholeTraces.Enabled = true
	cfg.Sampling.Percentage = 1e-4
	return cfg
}

func newHolding(tb testing.TB, cfg *Config, next consumer.Traces) *holding {
	tb.Helper()
	require.NoError(tb, cfg.Validate())
	h := &holding{rig: &rig{sink: new(consumertest.TracesSink), telemetry: componenttest.NewTelemetry()}}
	if next == nil {
		next = h.sink
	}
	set := processortest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = h.telemetry.NewTelemetrySettings()
	var err error
	h.now.Store(int64(time.Hour))
	h.Traces, err = NewFactoryWithClock(func() time.Duration { return time.Duration(h.now.Load()) }).CreateTraces(tb.Context(), set, cfg, next)
	require.NoError(tb, err)
	require.NoError(tb, h.Start(tb.Context(), componenttest.NewNopHost()))
	tb.Cleanup(func() { require.NoError(tb, h.telemetry.Shutdown(context.WithoutCancel(tb.Context()))) })
	return h
}

// put sends a batch after the time has passed.
func (h *holding) put(tb testing.TB, after time.Duration, td ptrace.Traces) {
	tb.Helper()
	h.now.Add(int64(after))
	require.NoError(tb, h.ConsumeTraces(tb.Context(), td))
}

// give does, too, waits until what that decided is sent, and returns how many spans are out since the start.
func (h *holding) give(tb testing.TB, after time.Duration, td ptrace.Traces) int {
	tb.Helper()
	h.put(tb, after, td)
	require.NoError(tb, h.holder(tb).out.wait(tb.Context(), 0))
	return h.sink.SpanCount()
}

func (h *holding) holder(tb testing.TB) *holder {
	tb.Helper()
	inner, ok := h.Traces.(*holder)
	require.True(tb, ok)
	return inner
}

func (h *holding) end(tb testing.TB) []ptrace.Span {
	tb.Helper()
	require.NoError(tb, h.Shutdown(context.WithoutCancel(tb.Context())))
	var out []ptrace.Span
	for _, td := range h.sink.AllTraces() {
		out = append(out, spansOf(td)...)
	}
	return out
}

// oneSpan is a span of a trace: its root, or not.
func oneSpan(tb testing.TB, id pcommon.TraceID, root bool, a attrs) ptrace.Traces {
	tb.Helper()
	td := ptrace.NewTraces()
	span := addSpan(tb, td, id, a)
	if !root {
		span.SetParentSpanID(pcommon.SpanID{1})
	}
	return td
}

func TestRiskyTraceIsKeptWholeAcrossBatches(t *testing.T) {
	h := newHolding(t, holdingConfig(t), nil)
	require.Zero(t, h.give(t, 0, oneSpan(t, lowID(1), false, nil)), "it is held")
	require.Zero(t, h.give(t, 0, oneSpan(t, lowID(2), false, nil)))
	require.Equal(t, 2, h.give(t, time.Second, oneSpan(t, lowID(1), false, attrs{"risky": true})), "risky: passed on at once, with what was held")
	require.Equal(t, 3, h.give(t, time.Second, oneSpan(t, lowID(1), true, nil)), "and what comes later")
	out := h.end(t)
	require.Len(t, out, 3, "the other trace is sampled out")
	for _, span := range out {
		assert.Equal(t, lowID(1), span.TraceID())
		assert.Equal(t, "ot=th:0", span.TraceState().AsRaw())
	}
	assert.Equal(t, map[string]int64{"score": 1, "trace": 2}, h.sums(t, "processor_risk_spans_kept"))
	assert.Equal(t, map[string]int64{"": 1}, h.sums(t, "processor_risk_spans_sampled_out"))
}

// Neither rule is enough alone, and each fires in a batch of its own. With and without what is learned, which is another way
// to the same decision.
func TestRulesOfAllBatchesMakeTheScoreOfATrace(t *testing.T) {
	for _, learned := range []bool{false, true} {
		cfg := holdingConfig(t)
		cfg.Learned.Enabled = learned
		cfg.Rules[0].Weight, cfg.Rules[1].Weight = 0.4, 0.4 // 0.64 together
		h := newHolding(t, cfg, nil)
		h.give(t, 0, oneSpan(t, lowID(1), false, attrs{"risky": true}))
		h.give(t, 0, oneSpan(t, lowID(1), false, attrs{"odd": true}))
		h.give(t, 0, oneSpan(t, lowID(1), true, nil))
		for range 2 { // the same rule twice is one reason
			h.give(t, 0, oneSpan(t, lowID(2), false, attrs{"odd": true}))
		}
		require.Equal(t, 3, h.give(t, time.Minute, ptrace.NewTraces()))
		for _, span := range h.end(t) {
			assert.Equal(t, lowID(1), span.TraceID())
		}
		assert.Equal(t, map[string]int64{"trace": 3}, h.sums(t, "processor_risk_spans_kept"))
	}
}

func TestTraceIsDecidedAfterItsRoot(t *testing.T) {
	cfg := holdingConfig(t)
	cfg.Sampling.Percentage = 100
	h := newHolding(t, cfg, nil)
	require.Zero(t, h.give(t, 0, oneSpan(t, lowID(1), false, nil)))
	require.Zero(t, h.give(t, time.Second, oneSpan(t, lowID(1), true, nil)))
	require.Zero(t, h.give(t, 2*time.Second-1, oneSpan(t, lowID(2), false, nil)))
	require.Equal(t, 2, h.give(t, 1, oneSpan(t, lowID(3), false, nil)))
	require.Equal(t, 3, h.give(t, time.Second, oneSpan(t, lowID(1), false, nil)), "a late one is not held again")
	require.Equal(t, 3, h.give(t, 20*time.Second, ptrace.NewTraces()))
	require.Equal(t, 5, h.give(t, 10*time.Second, ptrace.NewTraces()), "no root came in 30 s")
	require.Len(t, h.end(t), 5)
}

// Both batches of a trace whose second one is slow are kept, and it is one outlier.
func TestLearnedOutliersSeeWholeTraces(t *testing.T) {
	cfg := holdingConfig(t)
	cfg.Learned.Enabled = true
	h := newHolding(t, cfg, nil)
	r := rand.New(rand.NewPCG(1, 2))
	send := func(id pcommon.TraceID, cart time.Duration) {
		whole := ptrace.NewTraces()
		checkout(whole, r, id, cart)
		for i := range 2 { // the front end's span and the cart's come apart
			td := ptrace.NewTraces()
			whole.ResourceSpans().At(i).CopyTo(td.ResourceSpans().AppendEmpty())
			h.give(t, time.Second, td)
		}
	}
	for n := range uint64(300) {
		send(lowID(n+1), time.Millisecond)
	}
	send(lowID(1000), time.Minute)
	out := h.end(t)
	require.Len(t, out, 2)
	for _, span := range out {
		assert.Equal(t, lowID(1000), span.TraceID())
		assert.Greater(t, scoreOf(t, &span), 0.85)
		reasons, _ := span.Attributes().Get("risk.reasons")
		assert.Equal(t, []any{"learned.latency"}, reasons.Slice().AsRaw())
	}
}

func TestFullMemoryDecidesEarly(t *testing.T) {
	cfg := holdingConfig(t)
	cfg.WholeTraces.MaxMemoryMiB = 1
	cfg.Sampling.Percentage = 100
	h := newHolding(t, cfg, nil)
	for n := range uint64(2000) {
		h.give(t, 0, oneSpan(t, lowID(n+1), false, attrs{"text": string(make([]byte, 1000))}))
	}
	early := h.sums(t, "processor_risk_traces_decided_early")[""]
	assert.Greater(t, early, int64(1000))
	assert.Less(t, early, int64(2000))
	assert.Len(t, h.end(t), 2000, "nothing is lost")
}

func TestWhatIsRefusedIsCounted(t *testing.T) {
	cfg := holdingConfig(t)
	cfg.Sampling.Percentage = 100
	h := newHolding(t, cfg, consumertest.NewErr(errors.New("full")))
	h.give(t, 0, oneSpan(t, lowID(1), true, nil))
	h.give(t, time.Minute, ptrace.NewTraces())
	assert.Equal(t, map[string]int64{"refused": 1}, h.sums(t, "processor_risk_held_spans_lost"))
	require.Error(t, h.ConsumeTraces(t.Context(), oneSpan(t, lowID(1), false, nil)), "a late span is refused to who sent it")
	h.end(t)
}

func TestHoldingIsChecked(t *testing.T) {
	cfg := holdingConfig(t)
	cfg.Mode = ModeScore
	cfg.WholeTraces.Timeout = time.Second
	cfg.WholeTraces.MaxMemoryMiB = 0
	err := cfg.Validate()
	for _, want := range []string{
		"whole_traces::enabled: must be false in mode score",
		"whole_traces::timeout: must be from after_root to 1h0m0s, found 1s",
		"whole_traces::max_memory_mib: must be from 1 to 1048576, found 0",
	} {
		require.ErrorContains(t, err, want)
	}
}
