// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package gather holds spans until the trace they belong to is likely to be complete.
//
// A trace is complete some time after its root span came, or some time after its first span when no root comes. When the
// memory for held spans is used up, the traces that are due next are given out early. What is given out is forgotten: a
// span that comes later begins a trace of its own, unless the caller knows better.
//
// A [Gatherer] may be used by many goroutines at once. Spans that are added are moved: their batch is used up. What is
// given out belongs to the caller.
package gather

import (
	"container/heap"
	"math"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// heapFactor is how much more memory a span takes than it has bytes on the wire: 1.1 to 2.7 KB for 0.4 to 0.9 KB were
// measured, since every attribute is an object.
const heapFactor = 3

// Limits say how long traces are held, and how many bytes.
type Limits struct {
	// AfterRoot is the time from a trace's root span to its completion.
	AfterRoot time.Duration
	// Timeout is the time from its first span.
	Timeout time.Duration
	// Bytes is the memory that held spans may take, as estimated.
	Bytes int64
}

// Gatherer holds spans by trace.
type Gatherer struct {
	limits Limits
	sizer  ptrace.ProtoMarshaler
	given  func(id pcommon.TraceID, now time.Duration)

	mu      sync.Mutex // guards the following
	traces  map[pcommon.TraceID]*held
	due     queue
	bytes   int64
	batches uint64
}

// held is a trace of which spans were held back.
type held struct {
	id    pcommon.TraceID
	spans ptrace.Traces
	due   time.Duration
	bytes int64
	place int // in the queue

	// Where the spans of the resource and scope that were added last go.
	resource, scope uint64
	scopeSpans      ptrace.SpanSlice
}

// New returns an empty gatherer. It calls given for each trace that it gives out, before spans of it can be added again.
func New(limits Limits, given func(id pcommon.TraceID, now time.Duration)) *Gatherer {
	return &Gatherer{limits: limits, given: given, traces: map[pcommon.TraceID]*held{}}
}

// Add takes the spans of the batch that have a trace id and for which late is false; the others stay in it. It returns
// traces that had to be given out early to make room.
func (g *Gatherer) Add(now time.Duration, batch ptrace.Traces, late func(pcommon.TraceID) bool) (early []ptrace.Traces) {
	g.mu.Lock()
	defer g.mu.Unlock()
	resource, scope := g.batches, g.batches
	batch.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
		resource++
		rs.ScopeSpans().RemoveIf(func(ss ptrace.ScopeSpans) bool {
			scope++
			ss.Spans().RemoveIf(func(span ptrace.Span) bool {
				id := span.TraceID()
				if id.IsEmpty() || late(id) {
					return false
				}
				h := g.trace(now, id)
				if span.ParentSpanID().IsEmpty() {
					h.due = min(h.due, now+g.limits.AfterRoot)
					heap.Fix(&g.due, h.place)
				}
				h.turnTo(rs, ss, resource, scope)
				size := heapFactor * int64(g.sizer.SpanSize(span))
				h.bytes += size
				g.bytes += size
				span.MoveTo(h.scopeSpans.AppendEmpty())
				return true
			})
			return ss.Spans().Len() == 0
		})
		return rs.ScopeSpans().Len() == 0
	})
	g.batches = max(resource, scope)
	for g.bytes > g.limits.Bytes {
		early = append(early, g.pop(now))
	}
	return early
}

// trace returns the held trace, a new one if need be.
func (g *Gatherer) trace(now time.Duration, id pcommon.TraceID) *held {
	h := g.traces[id]
	if h == nil {
		h = &held{id: id, spans: ptrace.NewTraces(), due: now + g.limits.Timeout}
		g.traces[id] = h
		heap.Push(&g.due, h)
	}
	return h
}

// turnTo makes sure that spans are added under a copy of their resource and scope.
func (h *held) turnTo(rs ptrace.ResourceSpans, ss ptrace.ScopeSpans, resource, scope uint64) {
	if h.scope == scope {
		return
	}
	all := h.spans.ResourceSpans()
	if h.resource != resource {
		to := all.AppendEmpty()
		rs.Resource().CopyTo(to.Resource())
		to.SetSchemaUrl(rs.SchemaUrl())
	}
	to := all.At(all.Len() - 1).ScopeSpans().AppendEmpty()
	ss.Scope().CopyTo(to.Scope())
	to.SetSchemaUrl(ss.SchemaUrl())
	h.resource, h.scope, h.scopeSpans = resource, scope, to.Spans()
}

// Due gives out the traces that are complete.
func (g *Gatherer) Due(now time.Duration) (complete []ptrace.Traces) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.due) > 0 && g.due[0].due <= now {
		complete = append(complete, g.pop(now))
	}
	return complete
}

// Take gives out traces before they are complete, those of the ids that are held.
func (g *Gatherer) Take(now time.Duration, ids []pcommon.TraceID) (found []ptrace.Traces) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, id := range ids {
		if h := g.traces[id]; h != nil {
			h.due = math.MinInt64
			heap.Fix(&g.due, h.place)
			found = append(found, g.pop(now))
		}
	}
	return found
}

// Drain gives out everything.
func (g *Gatherer) Drain(now time.Duration) (all []ptrace.Traces) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.due) > 0 {
		all = append(all, g.pop(now))
	}
	return all
}

// Bytes is the memory that held spans take, as estimated.
func (g *Gatherer) Bytes() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.bytes
}

func (g *Gatherer) pop(now time.Duration) ptrace.Traces {
	h, _ := heap.Pop(&g.due).(*held) // there is nothing else in it
	delete(g.traces, h.id)
	g.given(h.id, now)
	g.bytes -= h.bytes
	return h.spans
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
