// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package gather holds spans until the trace they belong to is likely to be complete.
//
// A trace is complete some time after its root span came, or some time after its first span when no root comes. What is
// held takes memory, which [Gatherer.Bytes] estimates: whoever has too little has the traces that are due next given out
// early. What is given out is forgotten: a span that comes later begins a trace of its own, unless the caller knows better.
//
// Traces are given out many at a time, those with spans of the same resource under one copy of it. While they are held they
// share it, too: a batch may have a large resource and spans of thousands of traces.
//
// A [Gatherer] may be used by many goroutines at once. Spans that are added are moved: their batch is used up. What is
// given out belongs to the caller.
package gather

import (
	"container/heap"
	"iter"
	"math"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Limits say how long traces are held, and how many are given out at a time.
type Limits struct {
	// AfterRoot is the time from a trace's root span to its completion.
	AfterRoot time.Duration
	// Timeout is the time from its first span.
	Timeout time.Duration
	// BatchSpans and BatchBytes are where a batch ends: with the trace that reaches one of them. Bytes are of memory, as
	// estimated; a resource that many traces share counts for each of them by its share.
	BatchSpans int
	BatchBytes int64
}

// Gatherer holds spans by trace.
type Gatherer struct {
	limits Limits
	given  func(id pcommon.TraceID, now time.Duration)

	mu     sync.Mutex // guards the following
	traces map[pcommon.TraceID]*held
	due    queue
	bytes  int64
}

// held is a trace of which spans were held back.
type held struct {
	id    pcommon.TraceID
	due   time.Duration
	place int // in the queue
	parts []part
	spans int
	bytes int64 // without what it shares
}

// part is spans of one resource and scope.
type part struct {
	of    *origin
	scope int // of the origin's
	spans ptrace.SpanSlice
}

// origin is a resource of an added batch, with its scopes and without their spans. It does not change once it is added.
type origin struct {
	resource ptrace.ResourceSpans
	bytes    int64
	all      int // traces that have spans of it, those given out included
	users    int // those that are held
}

// New returns an empty gatherer. It calls given for each trace that it gives out, before spans of it can be added again.
func New(limits Limits, given func(id pcommon.TraceID, now time.Duration)) *Gatherer {
	return &Gatherer{limits: limits, given: given, traces: map[pcommon.TraceID]*held{}}
}

// Add takes the spans of the batch that have a trace id and for which late is false; the others stay in it.
func (g *Gatherer) Add(now time.Duration, batch ptrace.Traces, late func(pcommon.TraceID) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	batch.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
		of := &origin{resource: ptrace.NewTraces().ResourceSpans().AppendEmpty()}
		scope := 0
		rs.ScopeSpans().RemoveIf(func(ss ptrace.ScopeSpans) bool {
			taken := false
			ss.Spans().RemoveIf(func(span ptrace.Span) bool {
				id := span.TraceID()
				if id.IsEmpty() || late(id) {
					return false
				}
				h := g.trace(now, id, span.ParentSpanID().IsEmpty())
				before := h.bytes
				h.add(of, scope, span)
				g.bytes += h.bytes - before
				taken = true
				return true
			})
			if taken {
				of.takeScope(ss)
				scope++
			}
			return ss.Spans().Len() == 0
		})
		if scope > 0 {
			of.takeResource(rs)
			g.bytes += of.bytes
		}
		return rs.ScopeSpans().Len() == 0
	})
}

// trace returns the held trace, a new one if need be.
func (g *Gatherer) trace(now time.Duration, id pcommon.TraceID, root bool) *held {
	h := g.traces[id]
	if h == nil {
		h = &held{id: id, due: now + g.limits.Timeout, bytes: traceBytes}
		g.bytes += traceBytes
		g.traces[id] = h
		heap.Push(&g.due, h)
	}
	if root {
		h.due = min(h.due, now+g.limits.AfterRoot)
		heap.Fix(&g.due, h.place)
	}
	return h
}

// add moves a span, of a scope of the origin, to the trace.
func (h *held) add(of *origin, scope int, span ptrace.Span) {
	last := len(h.parts) - 1
	if last < 0 || h.parts[last].of != of || h.parts[last].scope != scope {
		if last < 0 || h.parts[last].of != of {
			of.all++
			of.users++
		}
		h.parts = append(h.parts, part{of, scope, ptrace.NewSpanSlice()})
		h.bytes += partBytes
		last++
	}
	h.spans++
	h.bytes += spanSize(span)
	span.MoveTo(h.parts[last].spans.AppendEmpty())
}

// takeScope adds a scope. It is the batch's no more unless spans stay in it.
func (o *origin) takeScope(from ptrace.ScopeSpans) {
	to := o.resource.ScopeSpans().AppendEmpty()
	to.SetSchemaUrl(from.SchemaUrl())
	if from.Spans().Len() == 0 {
		from.Scope().MoveTo(to.Scope())
	} else {
		from.Scope().CopyTo(to.Scope())
	}
}

// takeResource makes it complete, after its scopes.
func (o *origin) takeResource(from ptrace.ResourceSpans) {
	o.resource.SetSchemaUrl(from.SchemaUrl())
	if from.ScopeSpans().Len() == 0 {
		from.Resource().MoveTo(o.resource.Resource())
	} else {
		from.Resource().CopyTo(o.resource.Resource())
	}
	o.bytes = originSize(o.resource)
}

// Due gives out a batch of traces that are complete, without any if there are none.
func (g *Gatherer) Due(now time.Duration) Batch {
	return g.give(now, func(next *held) bool { return next.due <= now })
}

// Early gives out a batch of those that are due next, complete or not, to make room for so many bytes.
func (g *Gatherer) Early(now time.Duration, bytes int64) Batch {
	enough := g.Bytes() - bytes
	return g.give(now, func(*held) bool { return g.bytes > enough })
}

// Take gives out a batch of the traces of the ids that are held, complete or not, and returns the ids that it did not come to.
func (g *Gatherer) Take(now time.Duration, ids []pcommon.TraceID) (Batch, []pcommon.TraceID) {
	var batch assembly
	g.mu.Lock()
	for len(ids) > 0 && !batch.full(&g.limits) {
		if h := g.traces[ids[0]]; h != nil {
			h.due = math.MinInt64
			heap.Fix(&g.due, h.place)
			batch.add(g.pop(now))
		}
		ids = ids[1:]
	}
	g.mu.Unlock()
	return batch.assemble(), ids
}

// give gives out traces in the order in which they are due, as long as the next one is wanted and the batch is not full.
func (g *Gatherer) give(now time.Duration, wanted func(next *held) bool) Batch {
	var batch assembly
	g.mu.Lock()
	for len(g.due) > 0 && !batch.full(&g.limits) && wanted(g.due[0]) {
		batch.add(g.pop(now))
	}
	g.mu.Unlock()
	return batch.assemble()
}

// Bytes is the memory that held spans take, as estimated.
func (g *Gatherer) Bytes() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.bytes
}

// pop forgets the trace that is due next.
func (g *Gatherer) pop(now time.Duration) *held {
	h, _ := heap.Pop(&g.due).(*held) // there is nothing else in it
	delete(g.traces, h.id)
	g.given(h.id, now)
	g.bytes -= h.bytes
	for of := range h.origins() {
		if of.users--; of.users == 0 {
			g.bytes -= of.bytes
		}
	}
	return h
}

// origins yields each origin of the trace once: spans of one are added together.
func (h *held) origins() iter.Seq[*origin] {
	return func(yield func(*origin) bool) {
		for i := range h.parts {
			if i > 0 && h.parts[i].of == h.parts[i-1].of {
				continue
			}
			if !yield(h.parts[i].of) {
				return
			}
		}
	}
}

// queue is a heap of traces by the time they are due.
type queue []*held

func (q queue) Len() int           { return len(q) }
func (q queue) Less(a, b int) bool { return q[a].due < q[b].due }
func (q queue) Swap(a, b int) {
	q[a], q[b] = q[b], q[a]
	q[a].place, q[b].place = a, b
}

// Push implements heap.Interface.
func (q *queue) Push(x any) {
	h, _ := x.(*held) // there is nothing else
	h.place = len(*q)
	*q = append(*q, h)
}

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := len(*q) - 1
	h := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return h
}
