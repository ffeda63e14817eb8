// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/learn"
)

// modelName is what a model is shared under: all processors that name the same extension learn together, and what they
// learned is part of its snapshots.
const modelName = "riskprocessor/learned"

// learn finds the model that the processors of one component share. Nobody learns without need.
func (i *instances) learn(cfg *Config, shared *instance, s state) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !cfg.Learned.Enabled || shared.model != nil {
		return nil
	}
	if s.extension == nil {
		shared.model = learn.New(cfg.Learned.MaxOperations)
		return nil
	}
	value, err := s.extension.Share(modelName, func() (any, error) { return learn.New(cfg.Learned.MaxOperations), nil })
	if err != nil {
		return fmt.Errorf("state: extension %q: %w", s.id, err)
	}
	model, ok := value.(*learn.Model)
	if !ok {
		return fmt.Errorf("state: extension %q: %q is a %T", s.id, modelName, value)
	}
	shared.model = model
	return nil
}

// Reasons that learned outliers give, beside the names of rules.
const (
	reasonLatency   = "learned.latency"
	reasonStructure = "learned.structure"
	reasonFailure   = "learned.failure"
)

// learnedReasons is every set of these reasons, so that none is made for a span.
var learnedReasons = [8][]string{
	nil,
	{reasonLatency},
	{reasonStructure},
	{reasonLatency, reasonStructure},
	{reasonFailure},
	{reasonLatency, reasonFailure},
	{reasonStructure, reasonFailure},
	{reasonLatency, reasonStructure, reasonFailure},
}

// outliers is the part of a worker that finds what is unusual about the traces of a batch. Spans of one trace that come
// in one batch are looked at together.
type outliers struct {
	scorer  *learn.Scorer
	places  map[pcommon.TraceID]int32 // of traces in the following
	traces  []outlier
	ofSpans []int32      // trace of each span of the batch, in order
	spans   []learn.Span // of the batch, in order; then by trace
	sorted  []learn.Span
	at      []int32      // where each span of the batch is in the following, if rules ask for it
	looks   []learn.Look // by trace
}

// outlier is a trace of the batch.
type outlier struct {
	id      pcommon.TraceID
	spans   int32
	begin   int32   // of its spans
	rules   float64 // highest score of a span by rules
	verdict learn.Verdict
}

func newOutliers(model *learn.Model, looking bool) *outliers {
	if model == nil {
		return nil
	}
	o := &outliers{scorer: model.NewScorer(), places: map[pcommon.TraceID]int32{}}
	o.scorer.Looking = looking
	return o
}

// learnSpans looks at the traces of the batch, and learns them. Rules come after it, since they can ask what it saw.
func (w *worker) learnSpans(td ptrace.Traces) {
	o := w.outliers
	if o == nil {
		return
	}
	o.read(td)
	o.sort()
	for i := range o.traces {
		t := &o.traces[i]
		t.verdict = o.scorer.Score(w.now, o.sorted[t.begin:t.begin+t.spans])
		o.looks = append(o.looks, o.scorer.Looks...)
	}
}

// addLearned adds what learnSpans saw to the verdicts of the batch's spans, and to what is known of its traces.
func (w *worker) addLearned() {
	o := w.outliers
	if o == nil {
		return
	}
	for i := range w.verdicts {
		t := &o.traces[o.ofSpans[i]]
		t.rules = max(t.rules, w.verdicts[i].score)
	}
	for i := range o.traces {
		w.rememberOutlier(&o.traces[i])
	}
	for i := range w.verdicts {
		v := &w.verdicts[i]
		t := &o.traces[o.ofSpans[i]]
		v.score += t.verdict.Score * (1 - v.score)
		v.more = joined(v.more, w.learnedReasons(&t.verdict))
	}
	w.counts.operations = o.scorer.Losses
	o.scorer.Losses = learn.Losses{}
	o.reset()
}

// rememberOutlier keeps the trace if it is risky together with the rules that fired in it.
func (w *worker) rememberOutlier(t *outlier) {
	rules := t.rules
	if union, fired := w.fired[t.id]; fired {
		rules = max(rules, w.live.scorer.Score(&union))
	}
	score := t.verdict.Score + rules*(1-t.verdict.Score)
	if score >= w.cfg.Sampling.KeepAbove && !t.id.IsEmpty() {
		w.remember(t.id)
	}
}

// learnedReasons are the kinds of evidence that would make the level medium by themselves.
func (w *worker) learnedReasons(v *learn.Verdict) []string {
	set := 0
	for i, score := range [...]float64{v.Latency, v.Structure, v.Failure} {
		if score >= w.cfg.Levels.Medium {
			set |= 1 << i
		}
	}
	return learnedReasons[set]
}

// joined is both lists, neither of which is written to.
func joined(a, b []string) []string {
	switch {
	case len(a) == 0:
		return b
	case len(b) == 0:
		return a
	default:
		return slices.Concat(a, b)
	}
}

// read takes in the spans of the batch.
func (o *outliers) read(td ptrace.Traces) {
	for _, rs := range td.ResourceSpans().All() {
		service := uint64(0)
		if name, ok := rs.Resource().Attributes().Get("service.name"); ok {
			service = xxhash.Sum64String(name.Str())
		}
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				place := o.place(span.TraceID())
				o.traces[place].spans++
				o.ofSpans = append(o.ofSpans, place)
				o.spans = append(o.spans, learn.Span{
					ID: spanID(span.SpanID()), Parent: spanID(span.ParentSpanID()),
					Operation: service*31 + xxhash.Sum64String(span.Name()),
					Start:     int64(span.StartTimestamp()), End: int64(span.EndTimestamp()),
					Failed: span.Status().Code() == ptrace.StatusCodeError,
				})
			}
		}
	}
}

// place returns the place of a trace. Spans without a trace id are each a trace of their own.
func (o *outliers) place(id pcommon.TraceID) int32 {
	last := int32(len(o.traces) - 1)
	if last >= 0 && o.traces[last].id == id && !id.IsEmpty() {
		return last // spans of one trace tend to come together
	}
	place, known := o.places[id]
	if !known || id.IsEmpty() {
		place = last + 1
		o.places[id] = place
		o.traces = append(o.traces, outlier{id: id})
	}
	return place
}

// sort puts the spans of each trace next to each other.
func (o *outliers) sort() {
	begin := int32(0)
	for i := range o.traces {
		o.traces[i].begin = begin
		begin += o.traces[i].spans
		o.traces[i].spans = 0
	}
	if cap(o.sorted) < len(o.spans) {
		o.sorted = make([]learn.Span, len(o.spans))
	}
	o.sorted = o.sorted[:len(o.spans)]
	for i := range o.spans {
		t := &o.traces[o.ofSpans[i]]
		o.sorted[t.begin+t.spans] = o.spans[i]
		o.at = append(o.at, t.begin+t.spans)
		t.spans++
	}
}

func (o *outliers) reset() {
	clear(o.places)
	o.traces, o.ofSpans, o.spans, o.at, o.looks = o.traces[:0], o.ofSpans[:0], o.spans[:0], o.at[:0], o.looks[:0]
}

func spanID(id pcommon.SpanID) uint64 { return binary.LittleEndian.Uint64(id[:]) }
