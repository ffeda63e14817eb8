// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspan"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/annotate"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/feature"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/sampler"
)

// verdict is what is known of a span between scoring and deciding.
type verdict struct {
	score float64
	hits  rule.Hits
}

// worker takes one batch at a time through the processor, reusing its memory for the next one. The batch is walked
// twice: the first walk scores, the second decides, because a risky span keeps its whole trace and may come last.
type worker struct {
	*riskProcessor
	vector   *feature.Vector
	verdicts []verdict                    // of the batch's spans, in order
	risky    map[pcommon.TraceID]struct{} // traces that have a span to keep
	counts   counts

	conditions           rule.Context
	ruleFailed, whenFail func(place int, err error)

	// The span being scored, for conditions that need OTTL.
	resource  ptrace.ResourceSpans
	scope     ptrace.ScopeSpans
	span      ptrace.Span
	transform *ottlspan.TransformContext // made on first use
}

// counts is what one batch adds to the processor's own telemetry.
type counts struct {
	levels     [annotate.Levels]int64
	kept       [keepReasons]int64
	sampledOut int64
	ruleHits   []int64 // by rule
	ruleErrors []int64 // by rule
	whenErrors []int64 // by feature
	faults     [sampler.Faults]int64
}

func newWorker(p *riskProcessor) *worker {
	w := &worker{
		riskProcessor: p,
		vector:        p.engine.NewVector(),
		risky:         map[pcommon.TraceID]struct{}{},
		counts: counts{
			ruleHits:   make([]int64, len(p.rules)),
			ruleErrors: make([]int64, len(p.rules)),
			whenErrors: make([]int64, len(p.whens)),
		},
	}
	w.conditions.Vector, w.conditions.Span = w.vector, w.transformContext
	w.ruleFailed = func(place int, err error) {
		w.counts.ruleErrors[place]++
		p.conditionFailed(place, err)
	}
	w.whenFail = func(place int, _ error) { w.counts.whenErrors[place]++ }
	return w
}

func (w *worker) begin(ctx context.Context) { w.conditions.Context = ctx }

// end forgets the batch.
func (w *worker) end() {
	w.conditions.Context = nil
	w.verdicts = w.verdicts[:0]
	clear(w.risky)
	clear(w.vector.Span) // their strings are the batch's
	clear(w.vector.Resource)
	w.resource, w.scope, w.span = ptrace.ResourceSpans{}, ptrace.ScopeSpans{}, ptrace.Span{}
}

// score scores every span of the batch and notes which traces are to be kept.
func (w *worker) score(td ptrace.Traces) {
	now := w.now() // once a batch: reading the clock costs as much as a feature
	for _, w.resource = range td.ResourceSpans().All() {
		w.reader.Resource(w.resource.Resource().Attributes(), w.vector)
		for _, w.scope = range w.resource.ScopeSpans().All() {
			for _, w.span = range w.scope.Spans().All() {
				w.scoreSpan(now)
			}
		}
	}
}

func (w *worker) scoreSpan(now time.Duration) {
	w.reader.Span(w.span, w.vector)
	counted := w.whens.Eval(&w.conditions, w.whenFail)
	for i := range w.vector.Counted {
		w.vector.Counted[i] = counted.Has(i)
	}
	w.engine.Observe(w.vector, now)
	hits := w.rules.Eval(&w.conditions, w.ruleFailed)
	v := verdict{score: w.scorer.Score(&hits), hits: hits}

	w.verdicts = append(w.verdicts, v)
	if v.score >= w.keepAbove && !w.span.TraceID().IsEmpty() {
		w.risky[w.span.TraceID()] = struct{}{}
	}
	for i := range hits.All() {
		w.counts.ruleHits[i]++
	}
	w.counts.levels[w.annotator.Level(v.score)]++
	if w.transform != nil {
		w.transform.Close()
		w.transform = nil
	}
}

func (w *worker) transformContext() *ottlspan.TransformContext {
	if w.transform == nil {
		w.transform = ottlspan.NewTransformContextPtr(w.resource, w.scope, w.span)
	}
	return w.transform
}

// decide drops the spans that are sampled out, and annotates the others.
func (w *worker) decide(td ptrace.Traces) {
	next := 0
	td.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
		rs.ScopeSpans().RemoveIf(func(ss ptrace.ScopeSpans) bool {
			ss.Spans().RemoveIf(func(span ptrace.Span) bool {
				v := &w.verdicts[next]
				next++
				return !w.keep(span, v)
			})
			return ss.Spans().Len() == 0
		})
		return rs.ScopeSpans().Len() == 0
	})
}

// keep decides for one span and prepares a kept one.
func (w *worker) keep(span ptrace.Span, v *verdict) bool {
	reason := w.reason(span, v)
	if reason != keptByMode {
		d := w.sampler.Decide(span.TraceID(), span.TraceState().AsRaw(), reason != keptByProbability)
		w.counts.faults[d.Fault]++
		if !d.Keep {
			w.counts.sampledOut++
			return false
		}
		span.TraceState().FromRaw(d.TraceState)
	}
	w.counts.kept[reason]++
	w.annotator.Write(span, v.score, &v.hits)
	return true
}

// reason returns why the span is kept, if it is: for keptByProbability that is still to be decided.
func (w *worker) reason(span ptrace.Span, v *verdict) keepReason {
	switch {
	case w.sampler == nil:
		return keptByMode
	case v.score >= w.keepAbove:
		return keptByScore
	case span.TraceID().IsEmpty():
		return keptWithoutTraceID // nothing random to decide by, and no trace to belong to
	default:
		if _, risky := w.risky[span.TraceID()]; risky {
			return keptByTrace
		}
		return keptByProbability
	}
}
