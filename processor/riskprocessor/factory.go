// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/metadata"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
)

// NewFactory returns the factory of the processor of type `risk`.
func NewFactory() processor.Factory { return NewFactoryWithClock(systemClock()) }

// NewFactoryWithClock returns a factory whose processors take the time, since any beginning, from the clock instead of the
// time of arrival: for replays and evaluations. The clock may be called by many goroutines at once and must not run
// backwards.
func NewFactoryWithClock(clock func() time.Duration) processor.Factory {
	return NewFactoryForReplay(clock, rand.Uint64)
}

// NewFactoryForReplay returns a factory as NewFactoryWithClock does, whose processors hash keys with seeds from random: with
// the same seeds, clock and records, scores are the same to the bit. Only log records without a trace id and without
// randomness of their own are sampled by chance. Random may be called by many goroutines at once. Processors that listen to
// somebody must have seeds that nobody can guess.
func NewFactoryForReplay(clock func() time.Duration, random func() uint64) processor.Factory {
	f := factory{newInstances(random), clock}
	return processor.NewFactory(
		metadata.Type,
		createDefaultConfig,
		processor.WithTraces(f.createTraces, metadata.TracesStability),
		processor.WithLogs(f.createLogs, metadata.LogsStability),
	)
}

// factory makes processors that share what one component counts.
type factory struct {
	instances *instances
	clock     clock
}

func (f factory) createTraces(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
	p, err := newProcessor(cfg.(*Config), rule.Spans, set.ID, set.TelemetrySettings, f.clock, f.instances)
	if err != nil {
		return nil, err
	}
	if p.cfg.WholeTraces.Enabled {
		return newHolder(p, next), nil
	}
	return processorhelper.NewTraces(ctx, set, cfg, next, p.processTraces, p.options()...)
}

func (f factory) createLogs(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
	p, err := newProcessor(cfg.(*Config), rule.Logs, set.ID, set.TelemetrySettings, f.clock, f.instances)
	if err != nil {
		return nil, err
	}
	return processorhelper.NewLogs(ctx, set, cfg, next, p.processLogs, p.options()...)
}

func (p *riskProcessor) options() []processorhelper.Option {
	return []processorhelper.Option{
		processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true}),
		processorhelper.WithStart(p.start),
		processorhelper.WithShutdown(p.shutdown),
	}
}

// systemClock returns a clock that begins at the time of day, and that nobody can set afterwards.
func systemClock() clock {
	start := time.Now()
	return func() time.Duration { return time.Duration(start.UnixNano()) + time.Since(start) }
}
