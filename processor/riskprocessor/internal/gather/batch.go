// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package gather

import "go.opentelemetry.io/collector/pdata/ptrace"

// Batch is traces that are given out together.
type Batch struct {
	Spans  ptrace.Traces
	Traces int // how many there are
}

// assembly is a batch in the making.
type assembly struct {
	traces []*held
	spans  int
	bytes  int64
}

func (a *assembly) full(limits *Limits) bool {
	return a.spans >= limits.BatchSpans || a.bytes >= limits.BatchBytes
}

func (a *assembly) add(h *held) {
	a.traces = append(a.traces, h)
	a.spans += h.spans
	a.bytes += h.bytes
	for of := range h.origins() {
		a.bytes += of.bytes / int64(of.all)
	}
}

// assemble moves the spans of the traces under one copy of each resource and scope. Other batches may have spans of the same
// origins at the same time.
func (a *assembly) assemble() Batch {
	type place struct {
		of    *origin
		scope int
	}
	batch := Batch{Spans: ptrace.NewTraces(), Traces: len(a.traces)}
	resources := map[*origin]ptrace.ResourceSpans{}
	scopes := map[place]ptrace.SpanSlice{}
	for _, h := range a.traces {
		for _, p := range h.parts {
			spans, known := scopes[place{p.of, p.scope}]
			if !known {
				resource, known := resources[p.of]
				if !known {
					resource = batch.Spans.ResourceSpans().AppendEmpty()
					p.of.giveResource(resource)
					resources[p.of] = resource
				}
				spans = p.of.giveScope(p.scope, resource.ScopeSpans().AppendEmpty())
				scopes[place{p.of, p.scope}] = spans
			}
			p.spans.MoveAndAppendTo(spans)
		}
	}
	return batch
}

func (o *origin) giveResource(to ptrace.ResourceSpans) {
	to.SetSchemaUrl(o.resource.SchemaUrl())
	if o.all == 1 { // nobody else has it
		o.resource.Resource().MoveTo(to.Resource())
	} else {
		o.resource.Resource().CopyTo(to.Resource())
	}
}

func (o *origin) giveScope(scope int, to ptrace.ScopeSpans) ptrace.SpanSlice {
	from := o.resource.ScopeSpans().At(scope)
	to.SetSchemaUrl(from.SchemaUrl())
	if o.all == 1 {
		from.Scope().MoveTo(to.Scope())
	} else {
		from.Scope().CopyTo(to.Scope())
	}
	return to.Spans()
}
