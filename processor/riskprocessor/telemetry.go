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
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/learn"
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
	keptByDryRun
	keepReasons
)

func (r keepReason) String() string {
	return [keepReasons]string{"score", "trace", "probability", "no_trace_id", "mode", "dry_run"}[r]
}

// agreement is how the rules that are tried out compare with those in use.
type agreement uint8

const (
	bothKeep agreement = iota
	neitherKeeps
	onlyLive
	onlyShadow
	agreements
)

func (a agreement) String() string {
	return [agreements]string{"both", "neither", "only_live", "only_shadow"}[a]
}

func agreementOf(live, shadow bool) agreement {
	switch {
	case live && shadow:
		return bothKeep
	case live:
		return onlyLive
	case shadow:
		return onlyShadow
	default:
		return neitherKeeps
	}
}

// telemetry adds the counts of batches to the processor's metrics. Counting by batch keeps the cost away from the record
// and the sums exact.
type telemetry struct {
	builder *metadata.TelemetryBuilder
	levels  [annotate.Levels]metric.AddOption
	reasons [keepReasons]metric.AddOption
	faults  [sampler.Faults]metric.AddOption
	shadow  [agreements]metric.AddOption

	asked [askings]metric.AddOption

	succeeded, failed metric.AddOption
	tooLong, fault    metric.AddOption
	risky, decided    metric.AddOption
	refused, shutDown metric.AddOption
}

// ruleOptions are the options that change with the rules.
type ruleOptions struct {
	rules, features, shadow []metric.AddOption
}

func newTelemetry(set component.TelemetrySettings) (*telemetry, error) {
	builder, err := metadata.NewTelemetryBuilder(set)
	if err != nil {
		return nil, fmt.Errorf("make telemetry: %w", err)
	}
	t := &telemetry{
		builder:   builder,
		succeeded: with("outcome", "used"), failed: with("outcome", "refused"),
		tooLong: with("reason", "too_long"), fault: with("reason", "fault"),
		risky: with("memory", "risky"), decided: with("memory", "decided"),
		refused: with("reason", "refused"), shutDown: with("reason", "shutdown"),
	}
	for i := range t.levels {
		t.levels[i] = with("level", annotate.Level(i).String())
	}
	for i := range t.reasons {
		t.reasons[i] = with("reason", keepReason(i).String())
	}
	for i := range t.faults {
		t.faults[i] = with("reason", sampler.Fault(i).String())
	}
	for i := range t.shadow {
		t.shadow[i] = with("kept", agreement(i).String())
	}
	for i := range t.asked {
		t.asked[i] = with("outcome", asking(i).String())
	}
	return t, nil
}

func newRuleOptions(p *program) ruleOptions {
	var o ruleOptions
	for _, name := range p.live.names {
		o.rules = append(o.rules, with("rule", name))
	}
	for i := range p.features {
		o.features = append(o.features, with("feature", p.features[i].Name))
	}
	for _, name := range p.shadow.names {
		o.shadow = append(o.shadow, with("rule", name))
	}
	return o
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
	o := &w.generation.options
	drain(ctx, t.builder.ProcessorRiskRuleHits, c.ruleHits, o.rules)
	drain(ctx, t.builder.ProcessorRiskConditionErrors, c.ruleErrors, o.rules)
	drain(ctx, t.builder.ProcessorRiskFeatureErrors, c.whenErrors, o.features)
	drain(ctx, t.builder.ProcessorRiskEntitiesEvicted, c.evicted, o.features)
	drain(ctx, t.builder.ProcessorRiskEntitiesRefused, c.refused, o.features)
	drain(ctx, t.builder.ProcessorRiskShadowSpans, c.shadow[:], t.shadow[:])
	drain(ctx, t.builder.ProcessorRiskShadowRuleHits, c.shadowHits, o.shadow)
	drain(ctx, t.builder.ProcessorRiskShadowConditionErrors, c.shadowErrors, o.shadow)
	drain(ctx, t.builder.ProcessorRiskCrsRequests, c.asked[:], t.asked[:])
	c.faults[sampler.NoFault] = 0
	drain(ctx, t.builder.ProcessorRiskTracestateFaults, c.faults[:], t.faults[:])
	if c.operations.Evicted > 0 {
		t.builder.ProcessorRiskOperationsEvicted.Add(ctx, c.operations.Evicted)
	}
	if c.operations.Refused > 0 {
		t.builder.ProcessorRiskOperationsRefused.Add(ctx, c.operations.Refused)
	}
	c.operations = learn.Losses{}
	if cut, faults := w.inspector.Drain(); cut+faults > 0 {
		t.builder.ProcessorRiskInspectionsIncomplete.Add(ctx, cut, t.tooLong)
		t.builder.ProcessorRiskInspectionsIncomplete.Add(ctx, faults, t.fault)
	}
	if c.sampledOut > 0 {
		t.builder.ProcessorRiskSpansSampledOut.Add(ctx, c.sampledOut)
		c.sampledOut = 0
	}
	if c.forgotten > 0 {
		t.builder.ProcessorRiskTracesForgotten.Add(ctx, c.forgotten, t.risky)
		c.forgotten = 0
	}
}

// reloaded counts an attempt to use changed rules.
func (t *telemetry) reloaded(ctx context.Context, ok bool) {
	outcome := t.failed
	if ok {
		outcome = t.succeeded
	}
	t.builder.ProcessorRiskRulesReloads.Add(ctx, 1, outcome)
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
