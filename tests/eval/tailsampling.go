// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/tailsamplingprocessor"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/processor/processortest"
)

// tailChunk is the number of traces that tail_sampling holds at once. A trace's latency does not depend on others.
const tailChunk = 2000

// tailSampling runs contrib's tail_sampling over the day with one latency policy, and returns the traces that it keeps.
// It is given the threshold that keeps the wanted share of the day, which nobody knows in advance.
func (d *day) tailSampling(ctx context.Context, milliseconds float64) (map[*trace]bool, error) {
	threshold := int64(math.Ceil(milliseconds))
	factory := tailsamplingprocessor.NewFactory()
	kept := map[*trace]bool{}
	byID := map[pcommon.TraceID]*trace{}
	for _, t := range d.traces {
		byID[t.id] = t
	}
	for from := 0; from < len(d.traces); from += tailChunk {
		cfg := factory.CreateDefaultConfig()
		if err := confmap.NewFromStringMap(map[string]any{
			"decision_wait": "1h", // decided at shutdown, when everything is there
			"num_traces":    2 * tailChunk,
			"policies":      []any{map[string]any{"name": "slow", "type": "latency", "latency": map[string]any{"threshold_ms": threshold}}},
		}).Unmarshal(cfg); err != nil {
			return nil, fmt.Errorf("configure tail_sampling: %w", err)
		}
		sink := &consumertest.TracesSink{}
		p, err := factory.CreateTraces(ctx, processortest.NewNopSettings(component.MustNewType("tail_sampling")), cfg, sink)
		if err != nil {
			return nil, err
		}
		if err := p.Start(ctx, componenttest.NewNopHost()); err != nil {
			return nil, err
		}
		for _, t := range d.traces[from:min(from+tailChunk, len(d.traces))] {
			if err := p.ConsumeTraces(ctx, t.pdata()); err != nil {
				return nil, fmt.Errorf("sample trace %x: %w", t.id, err)
			}
		}
		if err := p.Shutdown(ctx); err != nil {
			return nil, err
		}
		for _, td := range sink.AllTraces() {
			for _, rs := range td.ResourceSpans().All() {
				for _, ss := range rs.ScopeSpans().All() {
					for _, s := range ss.Spans().All() {
						kept[byID[s.TraceID()]] = true
					}
				}
			}
		}
	}
	return kept, nil
}

// latencies are the traces' durations as tail_sampling sees them, in milliseconds.
func (d *day) latencies() map[*trace]float64 {
	latencies := map[*trace]float64{}
	for _, t := range d.traces {
		latencies[t] = float64((t.end - t.start) / int64(time.Millisecond))
	}
	return latencies
}
