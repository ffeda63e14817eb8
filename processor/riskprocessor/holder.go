// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"
	"iter"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/annotate"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/gather"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
)

// holderTick is how often complete traces are looked for when no spans come. Spans that come look for them, too.
const holderTick = 250 * time.Millisecond

// holder is the processor with whole_traces: it holds spans until their trace is complete, and decides the trace as one
// batch.
//
// Whoever sent a span has been told that it was taken. When the next component refuses a trace, that is counted and
// logged: the trace is lost.
type holder struct {
	*riskProcessor
	next     consumer.Traces
	gatherer *gather.Gatherer
	decided  *traces // those given out lately, whose late spans are not held
	stop     chan struct{}
	running  sync.WaitGroup
}

func newHolder(p *riskProcessor, next consumer.Traces) *holder {
	c := &p.cfg.WholeTraces
	h := &holder{riskProcessor: p, next: next, stop: make(chan struct{}), decided: newTraces(c.RememberTraces, p.instances.random)}
	h.gatherer = gather.New(gather.Limits{AfterRoot: c.AfterRoot, Timeout: c.Timeout, Bytes: int64(c.MaxMemoryMiB) << 20}, h.given)
	return h
}

// given notes that a trace is about to be decided: what comes of it from now on is late.
func (h *holder) given(id pcommon.TraceID, now time.Duration) {
	if h.decided.add(id, now) {
		h.telemetry.builder.ProcessorRiskTracesForgotten.Add(context.Background(), 1, h.telemetry.decided)
	}
}

// Capabilities implements consumer.Traces.
func (h *holder) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: true}
}

// Start implements component.Component.
func (h *holder) Start(ctx context.Context, host component.Host) error {
	if err := h.start(ctx, host); err != nil {
		return err
	}
	h.running.Go(func() {
		ticker := time.NewTicker(holderTick)
		defer ticker.Stop()
		for {
			select {
			case <-h.stop:
				return
			case <-ticker.C:
				h.send(context.Background(), h.gatherer.Due(h.clock()), false)
			}
		}
	})
	return nil
}

// Shutdown implements component.Component. It decides what is still held by the spans that came.
func (h *holder) Shutdown(ctx context.Context) error {
	close(h.stop)
	h.running.Wait()
	if h.shared != nil { // it was started
		h.send(ctx, h.gatherer.Drain(h.clock()), false)
	}
	return h.shutdown(ctx)
}

// ConsumeTraces implements consumer.Traces. Rules look at spans when they come; what is learned looks at whole traces. A
// trace in which rules find enough to keep it is passed on at once, and so is what comes later of it: since a score never
// falls, nothing that comes could contradict that.
//
// Late spans of traces that have been decided, and spans without a trace id, are not held: they go first. When the next
// component refuses them, so is the whole request, and nothing of it is held: who sent it will send all of it again.
func (h *holder) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	now := h.clock()
	late := func(id pcommon.TraceID) bool { return id.IsEmpty() || h.decided.has(id, now) }
	if rest, found := takeSpans(td, late); found {
		h.arrive(ctx, rest)
		if err := h.decide(ctx, rest, decision{late: true}); err != nil {
			return err
		}
	}
	risky := h.arrive(ctx, td)
	early := h.gatherer.Add(now, td, late)
	if n := int64(len(early)); n > 0 {
		h.telemetry.builder.ProcessorRiskTracesDecidedEarly.Add(ctx, n)
	}
	h.send(ctx, early, false)
	h.send(ctx, h.gatherer.Take(now, risky), true)
	h.send(ctx, h.gatherer.Due(now), false)
	if td.SpanCount() > 0 { // their traces have been decided since
		h.sendHeld(ctx, td, decision{late: true})
	}
	return nil
}

// arrive scores spans by rules, writes the outcome to them, and returns the traces that are to be kept.
func (h *holder) arrive(ctx context.Context, td ptrace.Traces) (risky []pcommon.TraceID) {
	w := h.worker()
	defer w.release()
	w.begin(ctx)
	w.scoreSpans(td)
	next := 0
	for span := range spansIn(td) {
		v := &w.verdicts[next]
		next++
		w.annotator.Write(span.Attributes(), v.score, &v.hits, v.more, w.degraded)
	}
	for id := range w.risky {
		risky = append(risky, id)
	}
	h.telemetry.report(ctx, w)
	w.end()
	return risky
}

// send decides traces, each as one batch.
func (h *holder) send(ctx context.Context, complete []ptrace.Traces, certain bool) {
	for _, td := range complete {
		id := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).TraceID()
		h.sendHeld(ctx, td, decision{certain: certain, trace: id})
	}
}

// sendHeld decides spans that were taken.
func (h *holder) sendHeld(ctx context.Context, td ptrace.Traces, d decision) {
	spans := int64(td.SpanCount())
	if err := h.decide(ctx, td, d); err != nil {
		h.telemetry.builder.ProcessorRiskHeldSpansLost.Add(ctx, spans)
		h.set.Logger.Warn("cannot pass on a trace that was held; it is lost", zap.Int64("spans", spans), zap.Error(err))
	}
}

// decision is what is known when spans are decided.
type decision struct {
	late    bool // they follow what was decided: nothing is learned from them
	certain bool // the trace is to be kept
	trace   pcommon.TraceID
}

// decide takes scored spans the rest of the way.
func (h *holder) decide(ctx context.Context, td ptrace.Traces, d decision) error {
	w := h.worker()
	defer w.release()
	w.begin(ctx)
	w.held = true
	for span := range spansIn(td) {
		w.recall(span)
	}
	w.judge()
	if d.certain {
		w.remember(d.trace)
	}
	if !d.late {
		w.learnSpans(td)
		w.addLearned()
	}
	w.decideSpans(td)
	h.telemetry.report(ctx, w)
	w.end()
	if td.ResourceSpans().Len() == 0 {
		return nil
	}
	return h.next.ConsumeTraces(ctx, td)
}

// recall takes in what arrive wrote to the span: its score, and which rules fired. Those that are not in use any more are
// in its score only.
func (w *worker) recall(span ptrace.Span) {
	v := verdict{trace: span.TraceID(), state: span.TraceState().AsRaw()}
	if score, found := span.Attributes().Get(annotate.KeyScore); found {
		v.score = score.Double()
	}
	w.verdicts = append(w.verdicts, v)
	reasons, found := span.Attributes().Get(annotate.KeyReasons)
	if !found {
		return
	}
	var hits rule.Hits
	for _, reason := range reasons.Slice().All() {
		if place, known := w.live.places[reason.Str()]; known {
			hits.Add(place)
		}
	}
	w.fire(v.trace, &hits)
}

// spansIn yields the spans in the order in which workers see them.
func spansIn(td ptrace.Traces) iter.Seq[ptrace.Span] {
	return func(yield func(ptrace.Span) bool) {
		for _, rs := range td.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, span := range ss.Spans().All() {
					if !yield(span) {
						return
					}
				}
			}
		}
	}
}

// takeSpans moves the spans of certain traces out of the batch.
func takeSpans(td ptrace.Traces, which func(pcommon.TraceID) bool) (taken ptrace.Traces, found bool) {
	for span := range spansIn(td) {
		if which(span.TraceID()) {
			return moveSpans(td, which), true
		}
	}
	return ptrace.Traces{}, false
}

func moveSpans(td ptrace.Traces, which func(pcommon.TraceID) bool) ptrace.Traces {
	taken := ptrace.NewTraces()
	td.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
		to := ptrace.NewResourceSpans()
		rs.ScopeSpans().RemoveIf(func(ss ptrace.ScopeSpans) bool {
			spans := ptrace.NewSpanSlice()
			ss.Spans().RemoveIf(func(span ptrace.Span) bool {
				if !which(span.TraceID()) {
					return false
				}
				span.MoveTo(spans.AppendEmpty())
				return true
			})
			if spans.Len() > 0 {
				scope := to.ScopeSpans().AppendEmpty()
				ss.Scope().CopyTo(scope.Scope())
				scope.SetSchemaUrl(ss.SchemaUrl())
				spans.MoveAndAppendTo(scope.Spans())
			}
			return ss.Spans().Len() == 0
		})
		if to.ScopeSpans().Len() > 0 {
			rs.Resource().CopyTo(to.Resource())
			to.SetSchemaUrl(rs.SchemaUrl())
			to.MoveTo(taken.ResourceSpans().AppendEmpty())
		}
		return rs.ScopeSpans().Len() == 0
	})
	return taken
}
