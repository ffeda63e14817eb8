// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
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

// gate is a consumer whose first call, or all of them, it holds up until it is opened.
type gate struct {
	consumertest.TracesSink
	all           bool
	calls         atomic.Int64
	reached, open chan struct{}
}

func newGate() *gate { return &gate{reached: make(chan struct{}), open: make(chan struct{})} }

func (g *gate) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	first := g.calls.Add(1) == 1
	if first {
		close(g.reached)
	}
	if first || g.all {
		select {
		case <-g.open:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return g.TracesSink.ConsumeTraces(ctx, td)
}

// TestTraceIsDecidedOnce: what comes of a trace while it waits for its turn to be sent is late, and is not held again.
func TestTraceIsDecidedOnce(t *testing.T) {
	cfg := holdingConfig(t)
	cfg.Sampling.Percentage = 100
	next := newGate()
	h := newHolding(t, cfg, next)
	for n := range uint64(3) {
		h.give(t, 0, oneSpan(t, lowID(n+1), true, nil))
	}
	h.now.Add(int64(time.Minute))
	var due sync.WaitGroup
	due.Go(func() { assert.NoError(t, h.ConsumeTraces(t.Context(), ptrace.NewTraces())) })
	<-next.reached
	for n := range uint64(3) {
		h.put(t, 0, oneSpan(t, lowID(n+1), false, nil))
		assert.Equal(t, int(n+1), next.SpanCount(), "it is passed on at once")
	}
	close(next.open)
	due.Wait()
	h.end(t)
	assert.Equal(t, 6, next.SpanCount())
}

// moody is a consumer that refuses for a while.
type moody struct {
	consumertest.TracesSink
	refuses atomic.Bool
}

func (m *moody) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	if m.refuses.Load() {
		return errors.New("not now")
	}
	return m.TracesSink.ConsumeTraces(ctx, td)
}

// TestRefusedRequestIsNotHeld: who is told that late spans of a request are refused sends all of it again, so nothing of it
// may be held already.
func TestRefusedRequestIsNotHeld(t *testing.T) {
	cfg := holdingConfig(t)
	cfg.Sampling.Percentage = 100
	next := new(moody)
	h := newHolding(t, cfg, next)
	h.give(t, 0, oneSpan(t, lowID(1), true, nil))
	h.give(t, time.Minute, ptrace.NewTraces())
	request := ptrace.NewTraces()
	for n, id := range []pcommon.TraceID{lowID(2), lowID(1), lowID(3), {}} { // new, late, new, without an id
		span := addSpan(t, request, id, attrs{"service": n, "risky": id == lowID(3)})
		span.SetParentSpanID(pcommon.SpanID{1})
		span.SetName(id.String())
		request.ResourceSpans().At(n).Resource().Attributes().PutStr("of", id.String())
		request.ResourceSpans().At(n).ScopeSpans().At(0).Scope().SetName(id.String())
	}
	again := ptrace.NewTraces()
	request.CopyTo(again)
	next.refuses.Store(true)
	require.Error(t, h.ConsumeTraces(t.Context(), request))
	next.refuses.Store(false)
	h.give(t, 0, again)
	h.give(t, time.Minute, ptrace.NewTraces())
	h.end(t)
	names := map[string]int{}
	for _, td := range next.AllTraces() {
		for _, rs := range td.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, span := range ss.Spans().All() {
					names[span.Name()]++
					if span.Name() != "POST" {
						of, _ := rs.Resource().Attributes().Get("of")
						assert.Equal(t, span.Name(), of.Str())
						assert.Equal(t, span.Name(), ss.Scope().Name())
					}
				}
			}
		}
	}
	assert.Equal(t, map[string]int{"POST": 1, lowID(1).String(): 1, lowID(2).String(): 1, lowID(3).String(): 1, "": 1}, names)
	assert.Empty(t, h.sums(t, "processor_risk_held_spans_lost"))
}

// TestHeldTracesAreSentTogether: what is due at one time, and what waits meanwhile, takes few calls. A next component that
// answers after its own flush_timeout would otherwise take hours for what is held at a shutdown.
func TestHeldTracesAreSentTogether(t *testing.T) {
	const traces = 20_000
	cfg := holdingConfig(t)
	cfg.Sampling.Percentage = 100
	next := newGate()
	close(next.open)
	h := newHolding(t, cfg, next)
	for n := range uint64(traces) {
		h.put(t, 0, oneSpan(t, lowID(n+1), true, nil))
	}
	require.Zero(t, next.calls.Load())
	h.end(t)
	assert.Equal(t, traces, next.SpanCount())
	assert.LessOrEqual(t, next.calls.Load(), int64(traces/holderBatchSpans))
}

type contextKey struct{}

// TestHeldTracesAreSentForNobody: whose request finds that traces are due has nothing to do with them. They are not lost when
// its time is over, do not carry what belongs to it, and it does not wait for them.
func TestHeldTracesAreSentForNobody(t *testing.T) {
	cfg := holdingConfig(t)
	cfg.Sampling.Percentage = 100
	next := newGate()
	var foreign atomic.Bool
	sees := func(ctx context.Context, td ptrace.Traces) error {
		foreign.Store(foreign.Load() || ctx.Value(contextKey{}) != nil)
		return next.ConsumeTraces(ctx, td)
	}
	h := newHolding(t, cfg, consumerFunc(sees))
	for n := range uint64(10) {
		h.put(t, 0, oneSpan(t, lowID(n+1), true, nil))
	}
	h.now.Add(int64(time.Minute))
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), contextKey{}, "a client"))
	require.NoError(t, h.ConsumeTraces(ctx, ptrace.NewTraces()))
	cancel()
	<-next.reached
	close(next.open)
	h.end(t)
	assert.Equal(t, 10, next.SpanCount())
	assert.False(t, foreign.Load())
	assert.Empty(t, h.sums(t, "processor_risk_held_spans_lost"))
}

// consumerFunc is a consumer of one function.
type consumerFunc func(context.Context, ptrace.Traces) error

func (f consumerFunc) ConsumeTraces(ctx context.Context, td ptrace.Traces) error { return f(ctx, td) }

func (consumerFunc) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

// TestShutdownEndsWithItsContext: what the next component does not take in time is lost and counted, and all is decided.
func TestShutdownEndsInTime(t *testing.T) {
	const traces = 10 * holderBatchSpans
	for name, test := range map[string]struct {
		timeout   time.Duration
		cancelled bool
	}{
		"with its context":      {0, true},
		"after its own timeout": {time.Millisecond, false},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := holdingConfig(t)
			cfg.Sampling.Percentage = 100
			cfg.WholeTraces.ShutdownTimeout = test.timeout
			next := newGate()
			next.all = true // and never opened
			h := newHolding(t, cfg, next)
			for n := range uint64(traces) {
				h.put(t, 0, oneSpan(t, lowID(n+1), true, nil))
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var ending sync.WaitGroup
			ending.Go(func() {
				err := h.Shutdown(ctx)
				assert.ErrorIs(t, err, errShutdown)
				assert.ErrorContains(t, err, fmt.Sprintf("%d spans that were held are lost", traces))
			})
			if test.cancelled {
				<-next.reached
				cancel()
			}
			ending.Wait()
			assert.Zero(t, next.SpanCount())
			assert.Equal(t, map[string]int64{"shutdown": traces}, h.sums(t, "processor_risk_held_spans_lost"))
			assert.Equal(t, map[string]int64{"probability": traces}, h.sums(t, "processor_risk_spans_kept"))
		})
	}
}

// TestNextComponentThatFallsBehind: memory is bounded by what is refused then, not by what is decided too early, and what was
// taken arrives once. Traces that rules find risky, which do not wait to be complete, are no exception.
func TestNextComponentThatFallsBehind(t *testing.T) {
	for _, risky := range []bool{false, true} {
		cfg := holdingConfig(t)
		cfg.Sampling.Percentage = 100
		cfg.WholeTraces.MaxMemoryMiB = 4
		next := newGate()
		next.all = true
		h := newHolding(t, cfg, next)
		over, cancel := context.WithCancel(t.Context()) // whoever has to wait is refused
		cancel()
		inner := h.holder(t)
		taken, refused := 0, 0
		for n := range uint64(5000) {
			h.now.Add(int64(10 * time.Millisecond))
			err := h.ConsumeTraces(over, oneSpan(t, lowID(n+1), true, attrs{"text": string(make([]byte, 1000)), "risky": risky}))
			require.LessOrEqual(t, inner.gatherer.Bytes()+inner.out.size(), int64(4<<20+4<<20/16+10_000))
			if err != nil {
				require.ErrorContains(t, err, "whole_traces::max_memory_mib is used up")
				require.ErrorIs(t, err, context.Canceled)
				refused++
				continue
			}
			taken++
		}
		assert.Greater(t, taken, 500)
		assert.Equal(t, map[string]int64{"": int64(refused)}, h.sums(t, "processor_risk_spans_refused"))
		assert.Greater(t, inner.gatherer.Bytes(), int64(2<<20), "most are held, complete or not")
		var waiting sync.WaitGroup
		waiting.Go(func() {
			assert.NoError(t, h.ConsumeTraces(t.Context(), oneSpan(t, lowID(20_000), true, nil)), "who can wait gets in")
		})
		close(next.open)
		waiting.Wait()
		h.end(t)
		seen := map[pcommon.TraceID]int{}
		for _, td := range next.AllTraces() {
			for _, span := range spansOf(td) {
				seen[span.TraceID()]++
				assert.Equal(t, 1, seen[span.TraceID()])
			}
		}
		assert.Len(t, seen, taken+1)
		assert.Empty(t, h.sums(t, "processor_risk_held_spans_lost"))
	}
}

// TestShutdownAfterAFailedStart: the Collector shuts down what did not start, too.
func TestShutdownAfterAFailedStart(t *testing.T) {
	cfg := holdingConfig(t)
	cfg.State = &stateID
	p, err := NewFactory().CreateTraces(t.Context(), processortest.NewNopSettings(metadata.Type), cfg, new(consumertest.TracesSink))
	require.NoError(t, err)
	require.Error(t, p.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, p.Shutdown(t.Context()))
}

// TestLargeResourceIsHeldOnce: the memory of a request whose one resource is large does not multiply with its traces.
func TestLargeResourceIsHeldOnce(t *testing.T) {
	const attributes, traces = 5_000, 4_000
	cfg := holdingConfig(t)
	cfg.Sampling.Percentage = 100
	cfg.WholeTraces.MaxMemoryMiB = 16
	next := newGate()
	next.all = true
	h := newHolding(t, cfg, next)
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	for n := range attributes {
		rs.Resource().Attributes().PutInt(fmt.Sprintf("a%d", n), int64(n))
	}
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	for n := range uint64(traces) {
		spans.AppendEmpty().SetTraceID(lowID(n + 1))
	}
	before := heapMiB()
	h.put(t, 0, td)
	assert.Less(t, heapMiB()-before, 16.0, "held")
	h.put(t, time.Minute, ptrace.NewTraces())
	assert.Less(t, heapMiB()-before, 16.0, "decided")
	close(next.open)
	h.end(t)
	assert.Equal(t, traces, next.SpanCount())
	for _, td := range next.AllTraces() {
		for _, rs := range td.ResourceSpans().All() {
			assert.Equal(t, attributes, rs.Resource().Attributes().Len())
		}
	}
}

func heapMiB() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}
