// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import "math"

// Look is how unusual one span is, in single respects: probabilities that a span of its operation is at least as unusual
// in normal times, 1 for what is not. 0 means that too little is known.
type Look struct {
	// Duration is the probability of taking at least as long, SelfTime the same without the time of the children.
	Duration, SelfTime float32
	// MissingChild is the probability of lacking a child that is expected like the most expected one that is missing.
	MissingChild float32
	// Errors is the probability of so many failures among the operation's calls of the last minute, by its own ratio.
	Errors float32
	// Shape is the probability of a trace whose set of operations is as rare, among those that begin with the same one.
	Shape float32
}

// probability turns -ln p into p.
func probability(surprise float32) float32 { return min(1, float32(math.Exp(-float64(surprise)))) }

// look says how unusual the span is before it is learned. Errors and Shape are left to who sees all of the trace.
func (o *operation) look(s *sight) (l Look) {
	if o.duration.total < warm {
		return l
	}
	longer, _ := o.duration.around(s.duration)
	l.Duration = probability(-longer)
	longer, _ = o.self.around(s.self)
	l.SelfTime = probability(-longer)
	l.MissingChild = o.children.missing(s.children)
	if s.root && o.shapes != nil && o.shapes.total >= warm {
		l.Shape = probability(o.shapes.surprise(s.shape))
	}
	return l
}

// missing returns the probability that a child is missing that is expected like the most expected one of those that are.
func (c *children) missing(set []uint32) float32 {
	least := c.total
	for i, n := range c.counts {
		if n > 0 && !contains(set, c.operations[i]) {
			least = min(least, max(c.total-n, 0))
		}
	}
	return min(1, (least+0.5)/(c.total+0.5))
}

// completeLooks adds what is known only when all spans of the trace were observed.
func (s *Scorer) completeLooks() {
	shape := float32(0)
	for i := range s.Looks {
		if l := s.Looks[i].Shape; l > 0 && (shape == 0 || l < shape) {
			shape = l
		}
	}
	for i := range s.Looks {
		g := &s.tree.groups[s.tree.nodes[i].group]
		s.Looks[i].Shape = shape
		if s.Looks[i].Duration > 0 { // it is known
			s.Looks[i].Errors = probability(g.level[failure])
		}
	}
}
