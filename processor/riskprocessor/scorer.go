// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/feature"
)

// scoreRequest and scoreAnswer are extension/riskstate's: the same unnamed types, declared again because components do not
// import each other.
type (
	scoreRequest = struct {
		Entities   []requestEntity
		Attributes []requestAttribute
		Observe    bool // it has happened and is to be counted
	}
	requestEntity = struct {
		Name  string
		Value string
	}
	requestAttribute = struct {
		Key   string
		Kind  uint8 // one of the following
		Text  string
		Int   int64 // also 0 or 1 of a bool
		Float float64
	}
	scoreAnswer = struct {
		Score    float64
		Level    string
		Reasons  []string // comes empty, with room to append to
		Degraded bool
	}
)

// Kinds of a requestAttribute.
const (
	attributeText  uint8 = 1
	attributeInt   uint8 = 2
	attributeFloat uint8 = 3
	attributeBool  uint8 = 4
)

// answer scores what is asked about as if it were a server span with these attributes. Entities are those named, and else
// what the attributes say. It may be called by many goroutines at once.
func (p *riskProcessor) answer(ctx context.Context, request *scoreRequest, answer *scoreAnswer) error {
	w := p.worker()
	defer w.release()
	w.begin(ctx)
	defer w.end()
	clear(w.nextResource())
	r := w.next()
	w.ask(r, request)
	w.count(r)
	if !request.Observe {
		clear(r.vector.Counted)
	}
	w.flush()
	v := &w.verdicts[0]
	answer.Score, answer.Level, answer.Degraded = v.score, w.annotator.Level(v.score).String(), w.degraded
	for i := range v.hits.All() {
		answer.Reasons = append(answer.Reasons, w.live.names[i])
	}
	answer.Reasons = append(answer.Reasons, v.more...)
	return nil
}

// ask fills the row with what is asked about.
func (w *worker) ask(r *row, request *scoreRequest) {
	v := r.vector
	w.reader.Clear(v, ptrace.SpanKindServer)
	w.lookAt(r, 0) // of which there are none between batches
	for i := range request.Attributes {
		a := &request.Attributes[i]
		switch a.Kind {
		case attributeText:
			w.reader.Set(v, a.Key, feature.Value{Kind: feature.String, Text: a.Text})
		case attributeInt:
			w.reader.Set(v, a.Key, feature.Value{Kind: feature.Int, Int: a.Int})
		case attributeFloat:
			w.reader.Set(v, a.Key, feature.Value{Kind: feature.Double, Double: a.Float})
		case attributeBool:
			w.reader.Set(v, a.Key, feature.Value{Kind: feature.Bool, Int: a.Int})
		}
	}
	w.reader.Resolve(v)
	for i := range request.Entities {
		e := &request.Entities[i]
		if place, used := w.entities.places[e.Name]; used {
			w.reader.Identify(v, place, e.Value)
		}
	}
	r.asked = request
}

// askedSpan is what is asked about as a span, for conditions that only OTTL can evaluate.
func askedSpan(request *scoreRequest) (ptrace.ResourceSpans, ptrace.ScopeSpans, ptrace.Span) {
	rs := ptrace.NewTraces().ResourceSpans().AppendEmpty()
	ss := rs.ScopeSpans().AppendEmpty()
	span := ss.Spans().AppendEmpty()
	span.SetKind(ptrace.SpanKindServer)
	attrs := span.Attributes()
	for i := range request.Attributes {
		a := &request.Attributes[i]
		switch a.Kind {
		case attributeText:
			attrs.PutStr(a.Key, a.Text)
		case attributeInt:
			attrs.PutInt(a.Key, a.Int)
		case attributeFloat:
			attrs.PutDouble(a.Key, a.Float)
		case attributeBool:
			attrs.PutBool(a.Key, a.Int == 1)
		}
	}
	return rs, ss, span
}
