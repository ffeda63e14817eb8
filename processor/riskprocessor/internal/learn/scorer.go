// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import "time"

// Verdict is what a model says about a trace.
type Verdict struct {
	// Score is the probability, 0 to 1, that an operation of the trace is at fault, under the model's assumptions.
	Score float64
	// Latency, Structure and Failure are the same for one kind of evidence alone: durations; children and shape; errors.
	Latency, Structure, Failure float64
}

// Scorer scores traces one at a time, with memory that it reuses. It is for one goroutine.
type Scorer struct {
	// Losses adds up what did not fit. The owner may set it back.
	Losses Losses
	// Looking asks for Looks, one for each span of the last call, in order.
	Looking bool
	Looks   []Look

	model *Model
	tree  tree
}

// NewScorer returns a scorer of the model.
func (m *Model) NewScorer() *Scorer { return &Scorer{model: m} }

// Score scores the spans of one trace, or of the part of it that is at hand, and learns them.
func (s *Scorer) Score(now time.Duration, spans []Span) Verdict {
	t := &s.tree
	t.build(spans)
	s.Looks = s.Looks[:0]
	for i := range spans {
		s.observe(now, i)
	}
	if s.Looking {
		s.completeLooks()
	}
	var odds [channels]float64
	for i := range t.groups {
		for c := range odds {
			odds[c] += t.groups[i].odds(channel(c))
		}
	}
	innocent := 1.0
	for _, o := range odds {
		innocent /= 1 + o
	}
	return Verdict{
		Score:     1 - innocent,
		Latency:   odds[latency] / (1 + odds[latency]),
		Structure: odds[structure] / (1 + odds[structure]),
		Failure:   odds[failure] / (1 + odds[failure]),
	}
}

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
	o := s.model.find(stripe, span.Operation, now, &s.Losses)
	if s.Looking {
		var l Look
		if o != nil {
			l = o.look(&seen)
		}
		s.Looks = append(s.Looks, l)
	}
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
