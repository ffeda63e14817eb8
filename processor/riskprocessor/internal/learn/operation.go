// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"math"
	"time"
)

// operation is what is learned of one operation of one service.
type operation struct {
	duration, self tail
	childSets      outcomes
	children       children
	shapes         *outcomes // sets of operations of the traces that begin here; nil until one did
	failures       float32   // spans that failed, of calls
	calls          float32
	levels         levels
}

// callsHalving is how many calls are remembered at full weight in the ratio of failures.
const callsHalving = 20000

// sight is a span as its operation sees it.
type sight struct {
	duration, self int64    // nanoseconds
	children       []uint32 // different operations of the children
	childSet       uint32   // hash of children
	shape          uint32   // hash of the trace's operations
	root, failed   bool
}

// observe returns what is unusual about a span in each channel, as -ln of a probability, and learns the span.
func (o *operation) observe(now time.Duration, s *sight) (own [channels]float32) {
	var x [channels]float64
	own[latency], x[latency] = o.latency(s)
	own[structure], x[structure] = o.structure(s)
	own[failure], x[failure] = o.failure(s.failed)

	o.self.add(s.self)
	o.duration.add(s.duration)
	o.childSets.add(s.childSet)
	o.children.add(s.children)
	if s.root {
		o.shapes.add(s.shape)
	}
	o.calls++
	if s.failed {
		o.failures++
	}
	if o.calls > callsHalving {
		o.calls /= 2
		o.failures /= 2
	}
	o.levels.add(now, &x)
	return own
}

// latency looks at both tails of the self time and of the duration. The level is that of the self time, which tells
// where a fault is; its logit is symmetric and bounded by levelClip.
func (o *operation) latency(s *sight) (own float32, x float64) {
	longer, shorter := o.self.around(s.self)
	own = twoSided(longer, shorter)
	x = float64(shorter-longer) / logitSpread
	longer, shorter = o.duration.around(s.duration)
	return max(own, twoSided(longer, shorter)) - math.Ln2, x // two looks
}

// structure looks at the set of children as a whole and one by one, and on a root at the shape of the trace.
func (o *operation) structure(s *sight) (own float32, x float64) {
	own = max(o.childSets.surprise(s.childSet), o.children.surprise(s.children))
	if s.root {
		if o.shapes == nil {
			o.shapes = &outcomes{}
		}
		own = max(own, o.shapes.surprise(s.shape))
	}
	if o.childSets.total < warm {
		return own, 0
	}
	return own, max(-1, float64(own-math.Ln2))
}

// failure compares with the operation's own ratio of failures.
func (o *operation) failure(failed bool) (own float32, x float64) {
	if o.calls < warm {
		return 0, 0
	}
	ratio := (o.failures + 0.5) / (o.calls + 1)
	surprise := -ln(ratio)
	step := float64(min(surprise, levelClip))
	if failed {
		return surprise, step
	}
	return 0, -step * float64(ratio/(1-ratio)) // of mean 0 with the above
}
