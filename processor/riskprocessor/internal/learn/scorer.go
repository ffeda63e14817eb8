// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"math"
	"time"
)

// Verdict is what a model says about a trace.
type Verdict struct {
	// Score is the probability, 0 to 1, that an operation of the trace is at fault, under the model's assumptions.
	Score float64
	// Latency, Structure and Failure are the same for one kind of evidence alone: durations; children and shape; errors.
	Latency, Structure, Failure float64
}

// Scorer scores traces one at a time, with memory that it reuses. It is for one goroutine.
type Scorer struct {
	model *Model
	tree  tree
}

// NewScorer returns a scorer of the model.
func (m *Model) NewScorer() *Scorer { return &Scorer{model: m} }

// Score scores the spans of one trace, or of the part of it that is at hand, and learns them.
func (s *Scorer) Score(now time.Duration, spans []Span) Verdict {
	t := &s.tree
	t.build(spans)
	for i := range spans {
		s.observe(now, i)
	}
	var none [channels]logProduct // of the odds plus 1, which is 1 over the probability of no fault
	for c := range none {
		none[c].product = 1
		for i := range t.groups {
			none[c].multiply(1 + t.groups[i].odds(channel(c)))
		}
	}
	l, st, f := none[latency].log(), none[structure].log(), none[failure].log()
	return Verdict{
		Score:     -math.Expm1(-l - st - f),
		Latency:   -math.Expm1(-l),
		Structure: -math.Expm1(-st),
		Failure:   -math.Expm1(-f),
	}
}

// logProduct multiplies without overflow, and takes few logarithms.
type logProduct struct{ product, logs float64 }

func (p *logProduct) multiply(x float64) {
	if p.product *= x; p.product > 1e100 {
		p.logs += math.Log(p.product)
		p.product = 1
	}
}

func (p *logProduct) log() float64 { return p.logs + math.Log(p.product) }

// observe lets the span's operation look at it, and notes the strongest evidence.
func (s *Scorer) observe(now time.Duration, place int) {
	span, n := &s.tree.spans[place], &s.tree.nodes[place]
	g := &s.tree.groups[n.group]
	set, hash := s.tree.childSet(n)
	seen := sight{
		duration: max(span.End-span.Start, 0), self: n.self,
		children: set, childSet: hash,
		shape: s.tree.shape, root: n.parent < 0, failed: span.Failed,
	}
	stripe := s.model.stripe(span.Operation)
	stripe.mu.Lock()
	defer stripe.mu.Unlock()
	o := s.model.find(stripe, span.Operation, now)
	if o == nil {
		return
	}
	own := o.observe(now, &seen)
	for c := range own {
		g.own[c] = max(g.own[c], own[c])
	}
	if g.unseen--; g.unseen == 0 {
		g.takeLevel(&o.levels)
	}
}
