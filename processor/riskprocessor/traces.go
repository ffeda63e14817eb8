// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processorhelper"
)

// processTraces takes one batch the whole way. It may be called by many goroutines at once.
func (p *riskProcessor) processTraces(ctx context.Context, td ptrace.Traces) (ptrace.Traces, error) {
	w := p.worker()
	defer w.release()
	w.begin(ctx)
	w.learnSpans(td)
	w.scoreSpans(td)
	w.addLearned()
	w.decideSpans(td)
	p.telemetry.report(ctx, w)
	w.end()
	if td.ResourceSpans().Len() == 0 {
		return td, processorhelper.ErrSkipProcessingData
	}
	return td, nil
}

// scoreSpans scores every span of the batch and notes which traces are to be kept.
func (w *worker) scoreSpans(td ptrace.Traces) {
	place := 0
	for _, rs := range td.ResourceSpans().All() {
		w.reader.Resource(rs.Resource().Attributes(), w.nextResource())
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				r := w.next()
				r.resourceSpans, r.scopeSpans, r.span, r.trace, r.state = rs, ss, span, span.TraceID(), span.TraceState().AsRaw()
				w.reader.Span(span, r.vector)
				w.lookAt(r, place)
				place++
				w.count(r)
				if w.crs != nil {
					w.askCRS(r, span.Attributes())
				}
			}
		}
	}
	w.flush()
	w.judge()
}

// decideSpans drops the spans that are sampled out, and annotates the others.
func (w *worker) decideSpans(td ptrace.Traces) {
	next := 0
	td.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
		rs.ScopeSpans().RemoveIf(func(ss ptrace.ScopeSpans) bool {
			ss.Spans().RemoveIf(func(span ptrace.Span) bool {
				v := &w.verdicts[next]
				next++
				return !w.keepSpan(span, v)
			})
			return ss.Spans().Len() == 0
		})
		return rs.ScopeSpans().Len() == 0
	})
}

// keepSpan decides for one span and prepares a kept one.
func (w *worker) keepSpan(span ptrace.Span, v *verdict) bool {
	w.counts.levels[w.annotator.Level(v.score)]++
	reason := w.reason(v)
	switch reason {
	case keptByMode:
		w.counts.kept[reason]++
	default:
		d := w.sampler.Decide(v.trace, v.state, reason != keptByProbability)
		w.counts.faults[d.Fault]++
		if w.cfg.Sampling.DryRun {
			w.dryRun(span.Attributes(), reason, d.Keep)
			break
		}
		if !d.Keep {
			w.counts.sampledOut++
			return false
		}
		span.TraceState().FromRaw(d.TraceState)
		w.counts.kept[reason]++
	}
	if w.held {
		w.annotator.Raise(span.Attributes(), v.score, v.more)
	} else {
		w.annotator.Write(span.Attributes(), v.score, &v.hits, v.more, w.degraded)
	}
	return true
}
