// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
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

const (
	// holderTick is how often complete traces are looked for when no spans come. Spans that come look for them, too.
	holderTick = 250 * time.Millisecond
	// roomWait is how long who brings spans waits for room before they are refused.
	roomWait = 5 * time.Second
	// holderBatchSpans and holderBatchBytes are where a batch ends that is decided, or sent: with the trace that reaches one
	// of them. That many spans of common size are 1 to 2 MB on the wire, and gRPC takes 4 MiB by default.
	holderBatchSpans = 2000
	holderBatchBytes = 6 << 20 // of memory, as estimated
)

// holder is the processor with whole_traces: it holds spans until their trace is complete, and decides it as a whole.
//
//	spans come --> held by trace --> due: decided, with others --> outbox --> next component, by goroutines of the holder
//
// Three quarters of max_memory_mib are for what is held; when they are used up, the traces that are due next are decided
// early. A quarter is for what is decided and not yet taken by the next component; when that is used up, nothing more is
// decided, and when both are, spans that come wait for room, and then are refused.
//
// Whoever sent a span has been told that it was taken, and may be gone: what is held is sent with a context of its own. When
// the next component refuses it, that is counted and logged: the spans are lost.
type holder struct {
	*riskProcessor
	next        consumer.Traces
	gatherer    *gather.Gatherer
	held, ready int64   // bytes that may be held, and wait to be sent
	batch       int64   // bytes of a batch
	decided     *traces // those given out lately, whose late spans are not held
	out         *outbox
	started     bool
	stop        chan struct{}
	ticking     sync.WaitGroup
}

func newHolder(p *riskProcessor, next consumer.Traces) *holder {
	c := &p.cfg.WholeTraces
	memory := int64(c.MaxMemoryMiB) << 20
	h := &holder{
		riskProcessor: p, next: next, held: memory - memory/4, ready: memory / 4, batch: min(holderBatchBytes, memory/16),
		decided: newTraces(c.RememberTraces, p.instances.random), stop: make(chan struct{}),
	}
	h.out = newOutbox(next.ConsumeTraces, h.lost)
	h.gatherer = gather.New(gather.Limits{
		AfterRoot: c.AfterRoot, Timeout: c.Timeout, BatchSpans: holderBatchSpans, BatchBytes: h.batch,
	}, h.given)
	return h
}

// given notes that a trace is about to be decided: what comes of it from now on is late.
func (h *holder) given(id pcommon.TraceID, now time.Duration) {
	if h.decided.add(id, now) {
		h.telemetry.builder.ProcessorRiskTracesForgotten.Add(context.Background(), 1, h.telemetry.decided)
	}
}

// lost counts spans that were held and did not get through.
func (h *holder) lost(spans int, err error) {
	reason := h.telemetry.refused
	if errors.Is(err, errShutdown) {
		reason = h.telemetry.shutDown
	}
	h.telemetry.builder.ProcessorRiskHeldSpansLost.Add(context.Background(), int64(spans), reason)
	h.set.Logger.Warn("cannot pass on spans that were held; they are lost", zap.Int("spans", spans), zap.Error(err))
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
	h.out.start()
	h.started = true
	h.ticking.Go(func() {
		ticker := time.NewTicker(holderTick)
		defer ticker.Stop()
		for {
			select {
			case <-h.stop:
				return
			case <-ticker.C:
				h.decideDue(context.Background(), h.clock())
			}
		}
	})
	return nil
}

// Shutdown implements component.Component. It decides what is still held by the spans that came, and ends when all of it is
// sent, or with the context, or after shutdown_timeout: what was not sent by then is lost.
func (h *holder) Shutdown(ctx context.Context) error {
	close(h.stop)
	h.ticking.Wait()
	var err error
	if h.started {
		err = h.drain(ctx)
	}
	return errors.Join(err, h.shutdown(ctx))
}

func (h *holder) drain(ctx context.Context) error {
	if limit := h.cfg.WholeTraces.ShutdownTimeout; limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	stop := context.AfterFunc(ctx, h.out.abandon)
	defer stop()
	for {
		batch := h.gatherer.Early(h.clock(), math.MaxInt64)
		if batch.Traces == 0 {
			return h.out.close()
		}
		h.decideHeld(ctx, batch.Spans, decision{})
		_ = h.out.wait(ctx, h.ready) // when the context is over, what is decided is lost at once
	}
}

// ConsumeTraces implements consumer.Traces. Rules look at spans when they come; what is learned looks at whole traces. A
// trace in which rules find enough to keep it is passed on at once, and so is what comes later of it: since a score never
// falls, nothing that comes could contradict that.
//
// Late spans of traces that have been decided, and spans without a trace id, are not held: they go first. When the next
// component refuses them, so is the whole request, and nothing of it is held: who sent it will send all of it again.
func (h *holder) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	if err := h.room(ctx); err != nil {
		h.telemetry.builder.ProcessorRiskSpansRefused.Add(ctx, int64(td.SpanCount()))
		return err
	}
	now := h.clock()
	late := func(id pcommon.TraceID) bool { return id.IsEmpty() || h.decided.has(id, now) }
	if err := h.passOn(ctx, td, late); err != nil {
		return err
	}
	risky := h.arrive(ctx, td)
	h.gatherer.Add(now, td, late)
	h.decideRisky(ctx, now, risky)
	h.decideDue(ctx, now)
	if td.SpanCount() > 0 { // their traces have been decided since
		h.decideHeld(ctx, td, decision{late: true})
	}
	return nil
}

// room waits until more may be held.
func (h *holder) room(ctx context.Context) error {
	if h.gatherer.Bytes() <= h.held {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, roomWait)
	defer cancel()
	for {
		h.decideDue(ctx, h.clock())
		if h.gatherer.Bytes() <= h.held {
			return nil
		}
		if err := h.out.wait(ctx, h.ready); err != nil {
			return fmt.Errorf("whole_traces::max_memory_mib is used up, and the next component takes no more: %w", err)
		}
	}
}

// decideRisky decides traces that are to be kept. Those that there is no room for are decided when they are due.
func (h *holder) decideRisky(ctx context.Context, now time.Duration, ids []pcommon.TraceID) {
	for len(ids) > 0 && h.out.claim(h.ready, h.batch) {
		var batch gather.Batch
		if batch, ids = h.gatherer.Take(now, ids); batch.Traces > 0 {
			h.decideHeld(ctx, batch.Spans, decision{certain: true})
		}
		h.out.unclaim(h.batch)
	}
}

// decideDue decides what is complete, and what there is no room for, as long as the next component keeps up.
func (h *holder) decideDue(ctx context.Context, now time.Duration) {
	for more := true; more && h.out.claim(h.ready, h.batch); {
		batch := h.nextDue(ctx, now)
		if more = batch.Traces > 0; more {
			h.decideHeld(ctx, batch.Spans, decision{})
		}
		h.out.unclaim(h.batch)
	}
}

// nextDue takes out traces that are complete, or else those that are due next if more is held than may be.
func (h *holder) nextDue(ctx context.Context, now time.Duration) gather.Batch {
	batch := h.gatherer.Due(now)
	if excess := h.gatherer.Bytes() - h.held; batch.Traces == 0 && excess > 0 {
		batch = h.gatherer.Early(now, excess)
		h.telemetry.builder.ProcessorRiskTracesDecidedEarly.Add(ctx, int64(batch.Traces))
	}
	return batch
}

// passOn scores and decides certain spans of the batch, which leave it, and has who sent them wait for the next component.
func (h *holder) passOn(ctx context.Context, td ptrace.Traces, which func(pcommon.TraceID) bool) error {
	taken, found := takeSpans(td, which)
	if !found {
		return nil
	}
	h.arrive(ctx, taken)
	h.decide(ctx, taken, decision{late: true})
	if taken.ResourceSpans().Len() == 0 {
		return nil
	}
	return h.next.ConsumeTraces(ctx, taken)
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

// decision is what is known when spans are decided.
type decision struct {
	late    bool // they follow what was decided: nothing is learned from them
	certain bool // their traces are to be kept
}

// decideHeld decides spans that were taken; those that are kept are sent in their turn.
func (h *holder) decideHeld(ctx context.Context, td ptrace.Traces, d decision) {
	h.decide(ctx, td, d)
	if spans := td.SpanCount(); spans > 0 {
		h.out.put(parcel{td, spans, gather.Size(td)})
	}
}

// decide takes scored spans the rest of the way. Those that are sampled out leave the batch.
func (h *holder) decide(ctx context.Context, td ptrace.Traces, d decision) {
	w := h.worker()
	defer w.release()
	w.begin(ctx)
	w.held = true
	for span := range spansIn(td) {
		w.recall(span)
	}
	w.judge()
	if d.certain {
		for i := range w.verdicts {
			id := w.verdicts[i].trace
			if _, known := w.risky[id]; !known {
				w.remember(id)
			}
		}
	}
	if !d.late {
		w.learnSpans(td)
		w.addLearned()
	}
	w.decideSpans(td)
	h.telemetry.report(ctx, w)
	w.end()
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
