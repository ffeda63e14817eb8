// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/annotate"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/metadata"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/sampler"
)

// keepReason is why a span was kept.
type keepReason uint8

const (
	keptByScore keepReason = iota
	keptByTrace
	keptByProbability
	keptWithoutTraceID
	keptByMode
	keepReasons
)

func (r keepReason) String() string {
	return [keepReasons]string{"score", "trace", "probability", "no_trace_id", "mode"}[r]
}

// telemetry adds the counts of batches to the processor's metrics. Counting by batch keeps the cost away from the span
// and the sums exact.
type telemetry struct {
	builder  *metadata.TelemetryBuilder
	levels   [annotate.Levels]metric.AddOption
	reasons  [keepReasons]metric.AddOption
	faults   [sampler.Faults]metric.AddOption
	rules    []metric.AddOption
	features []metric.AddOption
}

func newTelemetry(cfg *Config, set component.TelemetrySettings) (*telemetry, error) {
	builder, err := metadata.NewTelemetryBuilder(set)
	if err != nil {
		return nil, fmt.Errorf("make telemetry: %w", err)
	}
	t := &telemetry{builder: builder}
	for i := range t.levels {
		t.levels[i] = with("level", annotate.Level(i).String())
	}
	for i := range t.reasons {
		t.reasons[i] = with("reason", keepReason(i).String())
	}
	for i := range t.faults {
		t.faults[i] = with("reason", sampler.Fault(i).String())
	}
	for i := range cfg.Rules {
		t.rules = append(t.rules, with("rule", cfg.Rules[i].Name))
	}
	for i := range cfg.Features {
		t.features = append(t.features, with("feature", cfg.Features[i].Name))
	}
	return t, nil
}

// with makes the option once, so that adding does not allocate.
func with(key, value string) metric.AddOption {
	return metric.WithAttributeSet(attribute.NewSet(attribute.String(key, value)))
}

// report adds the counts of the worker's batch and sets them back to zero.
func (t *telemetry) report(ctx context.Context, w *worker) {
	c := &w.counts
	drain(ctx, t.builder.ProcessorRiskSpansScored, c.levels[:], t.levels[:])
	drain(ctx, t.builder.ProcessorRiskSpansKept, c.kept[:], t.reasons[:])
	drain(ctx, t.builder.ProcessorRiskRuleHits, c.ruleHits, t.rules)
	drain(ctx, t.builder.ProcessorRiskConditionErrors, c.ruleErrors, t.rules)
	drain(ctx, t.builder.ProcessorRiskFeatureErrors, c.whenErrors, t.features)
	drain(ctx, t.builder.ProcessorRiskEntitiesEvicted, w.vector.Evicted, t.features)
	drain(ctx, t.builder.ProcessorRiskEntitiesRefused, w.vector.Refused, t.features)
	c.faults[sampler.NoFault] = 0
	drain(ctx, t.builder.ProcessorRiskTracestateFaults, c.faults[:], t.faults[:])
	if c.sampledOut > 0 {
		t.builder.ProcessorRiskSpansSampledOut.Add(ctx, c.sampledOut)
		c.sampledOut = 0
	}
}

// drain adds each count with its option and sets it to zero.
func drain(ctx context.Context, counter metric.Int64Counter, counts []int64, options []metric.AddOption) {
	for i, n := range counts {
		if n > 0 {
			counter.Add(ctx, n, options[i])
			counts[i] = 0
		}
	}
}

func (t *telemetry) shutdown() { t.builder.Shutdown() }
