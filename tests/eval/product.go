// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor"
)

// product runs the risk processor as it comes over the day, and returns the highest risk.score of each trace.
func (d *day) product(ctx context.Context) (map[*trace]float64, error) {
	var now time.Duration
	factory := riskprocessor.NewFactoryWithClock(func() time.Duration { return now })
	sink := &consumertest.TracesSink{}
	set := processortest.NewNopSettings(component.MustNewType("risk"))
	p, err := factory.CreateTraces(ctx, set, factory.CreateDefaultConfig(), sink)
	if err != nil {
		return nil, err
	}
	if err := p.Start(ctx, componenttest.NewNopHost()); err != nil {
		return nil, err
	}
	scores := map[*trace]float64{}
	for _, t := range d.byEnd() {
		now = time.Duration(t.end)
		if err := p.ConsumeTraces(ctx, t.pdata()); err != nil {
			return nil, fmt.Errorf("score trace %x: %w", t.id, err)
		}
		score, err := highest(sink.AllTraces())
		if err != nil {
			return nil, fmt.Errorf("read score of trace %x: %w", t.id, err)
		}
		scores[t] = score
		sink.Reset()
	}
	return scores, p.Shutdown(ctx)
}

// byEnd is the order in which traces are complete.
func (d *day) byEnd() []*trace {
	traces := slices.Clone(d.traces)
	slices.SortStableFunc(traces, func(a, b *trace) int { return cmp.Compare(a.end, b.end) })
	return traces
}

// pdata is the trace as it comes from a pipeline: a resource for each service.
func (t *trace) pdata() ptrace.Traces {
	td := ptrace.NewTraces()
	services := map[string]ptrace.SpanSlice{}
	for _, s := range t.spans {
		list, known := services[s.service]
		if !known {
			rs := td.ResourceSpans().AppendEmpty()
			rs.Resource().Attributes().PutStr("service.name", s.service)
			list = rs.ScopeSpans().AppendEmpty().Spans()
			services[s.service] = list
		}
		out := list.AppendEmpty()
		out.SetTraceID(t.id)
		out.SetSpanID(s.id)
		out.SetParentSpanID(s.parent)
		out.SetName(s.operation)
		out.SetStartTimestamp(pcommon.Timestamp(s.start))
		out.SetEndTimestamp(pcommon.Timestamp(s.end))
	}
	return td
}

func highest(batches []ptrace.Traces) (float64, error) {
	score, found := 0.0, false
	for _, td := range batches {
		for _, rs := range td.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, s := range ss.Spans().All() {
					if v, ok := s.Attributes().Get("risk.score"); ok {
						score, found = max(score, v.Double()), true
					}
				}
			}
		}
	}
	if !found {
		return 0, fmt.Errorf("no span has risk.score")
	}
	return score, nil
}
