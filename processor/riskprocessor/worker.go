// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottllog"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspan"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/annotate"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/feature"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/learn"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/sampler"
)

// chunk is the number of records that are read before the first is scored, so that the memory of their features is
// fetched for all at once. More gain nothing and leave the processor's cache.
const chunk = 32

// verdict is what is known of a record between scoring and deciding. It holds what the decision depends on, so that a
// record that is dropped is not looked at again: most of a batch has left the processor's cache by then.
type verdict struct {
	score float64
	trace pcommon.TraceID
	state string // the span's tracestate
	hits  rule.Hits
	more  []string // reasons beside the rules that fired; shared, never written to
}

// row is a record being scored, in the forms that features and conditions need. A record is a span or a log record.
type row struct {
	vector *feature.Vector
	trace  pcommon.TraceID
	state  string

	// For conditions that need OTTL.
	asked         *scoreRequest // instead of a record
	resourceSpans ptrace.ResourceSpans
	scopeSpans    ptrace.ScopeSpans
	span          ptrace.Span
	resourceLogs  plog.ResourceLogs
	scopeLogs     plog.ScopeLogs
	log           plog.LogRecord
	spanContext   *ottlspan.TransformContext // made on first use
	logContext    *ottllog.TransformContext  // made on first use
}

// worker takes one batch at a time through the processor, reusing its memory for the next one. The batch is walked
// twice: the first walk scores, the second decides, because a risky record keeps its whole trace and may come last.
type worker struct {
	*riskProcessor
	*generation
	now           time.Duration
	degraded      bool
	rows          [chunk]row
	vectors       [chunk]*feature.Vector // those of the rows
	filled        int                    // rows in use
	most          int                    // rows that were in use at once in this batch
	resources     [chunk + 1][]feature.Value
	resource      int // the one that records are read with
	mostResources int
	verdicts      []verdict
	fired         map[pcommon.TraceID]rule.Hits // what fired anywhere in a trace
	risky         map[pcommon.TraceID]struct{}  // traces to keep
	outliers      *outliers                     // nil when nothing is learned
	held          bool                          // the spans were held, and carry what the rules said
	counts        counts

	conditions                           rule.Context
	current                              *row
	ruleFailed, shadowFailed, whenFailed func(place int, err error)
	gateFailed                           func(place int, err error)
}

// counts is what one batch adds to the processor's own telemetry.
type counts struct {
	levels           [annotate.Levels]int64
	kept             [keepReasons]int64
	sampledOut       int64
	forgotten        int64   // risky traces
	ruleHits         []int64 // by rule
	ruleErrors       []int64 // by rule
	whenErrors       []int64 // by feature
	evicted, refused []int64 // by feature
	faults           [sampler.Faults]int64
	shadow           [agreements]int64
	shadowHits       []int64 // by rule
	shadowErrors     []int64 // by rule
	operations       learn.Losses
	asked            [askings]int64
}

func newWorker(p *riskProcessor, g *generation) *worker {
	rules, features, shadow := len(g.live.names), len(g.specs), len(g.shadow.names)
	w := &worker{
		riskProcessor: p,
		generation:    g,
		fired:         map[pcommon.TraceID]rule.Hits{},
		risky:         map[pcommon.TraceID]struct{}{},
		outliers:      newOutliers(p.shared.model, g.looks >= 0),
		counts: counts{
			ruleHits: make([]int64, rules), ruleErrors: make([]int64, rules), whenErrors: make([]int64, features),
			evicted: make([]int64, features), refused: make([]int64, features),
			shadowHits: make([]int64, shadow), shadowErrors: make([]int64, shadow),
		},
	}
	for i := range w.rows {
		v := g.engine.NewVector()
		v.Evicted, v.Refused = w.counts.evicted, w.counts.refused
		w.rows[i].vector, w.vectors[i] = v, v
	}
	for i := range w.resources {
		w.resources[i] = make([]feature.Value, g.reader.Slots())
	}
	w.conditions.Span, w.conditions.Log = w.spanContext, w.logContext
	w.ruleFailed = func(place int, err error) {
		w.counts.ruleErrors[place]++
		p.conditionFailed(g, place, err)
	}
	w.shadowFailed = func(place int, _ error) { w.counts.shadowErrors[place]++ }
	w.whenFailed = func(place int, _ error) { w.counts.whenErrors[place]++ }
	w.gateFailed = func(int, error) { w.counts.asked[askFailed]++ }
	return w
}

func (w *worker) begin(ctx context.Context) {
	w.conditions.Context = ctx
	w.now = w.clock() // once a batch: reading the clock costs as much as a feature
	w.degraded = w.riskProcessor.degraded()
}

// end forgets the batch.
func (w *worker) end() {
	w.conditions.Context = nil
	clear(w.verdicts)
	w.verdicts = w.verdicts[:0]
	clear(w.fired)
	clear(w.risky)
	w.held = false
	for i := range w.most { // their strings are the batch's
		r := &w.rows[i]
		r.vector.Forget()
		*r = row{vector: r.vector}
	}
	for _, values := range w.resources[:min(w.mostResources+1, len(w.resources))] {
		clear(values)
	}
	w.current, w.most, w.mostResources = nil, 0, 0
}

// nextResource makes room for a resource, and returns where to read it to. Records are read with it until the next call.
func (w *worker) nextResource() []feature.Value {
	if w.resource == chunk {
		w.flush()
	}
	w.resource++
	return w.resources[w.resource]
}

// next returns the row for the next record, whose vector is given the resource.
func (w *worker) next() *row {
	if w.filled == chunk {
		w.flush()
	}
	r := &w.rows[w.filled]
	w.filled++
	r.vector.Resource = w.resources[w.resource]
	return r
}

// count asks which features count the record, which has been read to its row.
func (w *worker) count(r *row) {
	w.turnTo(r)
	counted := w.whens.Eval(&w.conditions, w.whenFailed)
	for i := range r.vector.Counted {
		r.vector.Counted[i] = counted.Has(i)
	}
	if w.ratios {
		matched := w.matches.Eval(&w.conditions, w.whenFailed)
		for i := range r.vector.Matched {
			r.vector.Matched[i] = matched.Has(i)
		}
	}
}

// flush scores the rows.
func (w *worker) flush() {
	w.most, w.mostResources = max(w.most, w.filled), max(w.mostResources, w.resource)
	w.engine.Observe(w.vectors[:w.filled], w.now)
	for i := range w.filled {
		w.score(&w.rows[i])
	}
	w.filled = 0
	w.resources[0], w.resources[w.resource] = w.resources[w.resource], w.resources[0]
	w.resource = 0
}

// score evaluates the rules on a row whose features are known.
func (w *worker) score(r *row) {
	w.turnTo(r)
	hits := w.live.conditions.Eval(&w.conditions, w.ruleFailed)
	w.verdicts = append(w.verdicts, verdict{trace: r.trace, state: r.state, hits: hits})
	v := &w.verdicts[len(w.verdicts)-1]
	if !hits.Empty() {
		v.score = w.live.scorer.Score(&hits)
		for i := range hits.All() {
			w.counts.ruleHits[i]++
			if len(v.more) == 0 && w.findings.rules.Has(i) {
				v.more = w.foundBefore(r)
			}
		}
		w.fire(r.trace, &hits)
	}
	if len(w.shadow.names) > 0 {
		w.compare(v.score)
	}
	r.close()
}

// fire notes rules that fired for a record of the trace.
func (w *worker) fire(id pcommon.TraceID, hits *rule.Hits) {
	if !id.IsEmpty() {
		union := w.fired[id]
		union.Join(hits)
		w.fired[id] = union
	}
}

// compare scores the row with the rules that are tried out.
func (w *worker) compare(live float64) {
	hits := w.shadow.conditions.Eval(&w.conditions, w.shadowFailed)
	for i := range hits.All() {
		w.counts.shadowHits[i]++
	}
	keep := w.cfg.Sampling.KeepAbove
	w.counts.shadow[agreementOf(live >= keep, w.shadow.scorer.Score(&hits) >= keep)]++
}

// judge finds the traces to keep, when all records of the batch are scored: those for which the rules that fired anywhere
// in the trace make a score that is kept.
func (w *worker) judge() {
	for id, union := range w.fired {
		if w.live.scorer.Score(&union) < w.cfg.Sampling.KeepAbove {
			continue
		}
		w.remember(id)
	}
}

// remember keeps what else comes of the trace.
func (w *worker) remember(id pcommon.TraceID) {
	w.risky[id] = struct{}{}
	if w.shared.traces != nil && w.sampler != nil {
		if w.shared.traces.add(id, w.now) {
			w.counts.forgotten++
		}
	}
}

// reason returns why the record is kept, if it is: for keptByProbability that is still to be decided.
func (w *worker) reason(v *verdict) keepReason {
	trace := v.trace
	switch {
	case w.sampler == nil:
		return keptByMode
	case v.score >= w.cfg.Sampling.KeepAbove:
		return keptByScore
	case trace.IsEmpty():
		return keptWithoutTraceID
	}
	if len(w.risky) > 0 {
		if _, risky := w.risky[trace]; risky {
			return keptByTrace
		}
	}
	if w.shared.traces != nil && w.shared.traces.has(trace, w.now) {
		return keptByTrace
	}
	return keptByProbability
}

// dryRun notes what would have been done.
func (w *worker) dryRun(attrs pcommon.Map, reason keepReason, keep bool) {
	if !keep {
		reason = keptByDryRun
	}
	w.counts.kept[reason]++
	annotate.WriteSampling(attrs, keep)
}

func (w *worker) turnTo(r *row) { w.current, w.conditions.Vector = r, r.vector }

func (w *worker) spanContext() *ottlspan.TransformContext {
	r := w.current
	if r.spanContext == nil {
		if r.asked != nil {
			r.resourceSpans, r.scopeSpans, r.span = askedSpan(r.asked)
		}
		r.spanContext = ottlspan.NewTransformContextPtr(r.resourceSpans, r.scopeSpans, r.span)
	}
	return r.spanContext
}

func (w *worker) logContext() *ottllog.TransformContext {
	r := w.current
	if r.logContext == nil {
		r.logContext = ottllog.NewTransformContextPtr(r.resourceLogs, r.scopeLogs, r.log)
	}
	return r.logContext
}

// close gives the forms for OTTL back.
func (r *row) close() {
	if r.spanContext != nil {
		r.spanContext.Close()
		r.spanContext = nil
	}
	if r.logContext != nil {
		r.logContext.Close()
		r.logContext = nil
	}
}
