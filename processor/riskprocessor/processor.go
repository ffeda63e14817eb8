// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processorhelper"
	"go.uber.org/zap"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/annotate"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/feature"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/sampler"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/score"
)

// clock returns the time since some start. It must not run backwards, which wall clocks do.
type clock func() time.Duration

// riskProcessor is the immutable whole; what changes lives in the engine's tables and in workers.
type riskProcessor struct {
	*program
	engine    *feature.Engine
	scorer    *score.Scorer
	annotator *annotate.Annotator
	sampler   *sampler.Sampler // nil in mode score
	keepAbove float64
	now       clock
	logger    *zap.Logger
	telemetry *telemetry
	names     []string      // of the rules
	warned    []atomic.Bool // by rule: its first error was logged
	workers   sync.Pool     // of *worker
}

// newProcessor makes the processor. The tables of the features are allocated here.
func newProcessor(cfg *Config, set component.TelemetrySettings, now clock) (*riskProcessor, error) {
	seed := maphash.MakeSeed()
	compiled, err := compile(cfg, set, seed)
	if err != nil {
		return nil, err
	}
	p := &riskProcessor{
		program:   compiled,
		engine:    feature.NewEngine(compiled.reader),
		keepAbove: cfg.Sampling.KeepAbove,
		now:       now,
		logger:    set.Logger,
		warned:    make([]atomic.Bool, len(cfg.Rules)),
	}
	for i, spec := range compiled.specs {
		p.engine.Add(spec, maphash.Comparable(seed, i))
	}
	p.addRules(cfg)
	if cfg.Mode == ModeScoreAndSample {
		if p.sampler, err = sampler.New(cfg.Sampling.Percentage / 100); err != nil {
			return nil, err
		}
	}
	if p.telemetry, err = newTelemetry(cfg, set); err != nil {
		return nil, err
	}
	p.workers.New = func() any { return newWorker(p) }
	if len(cfg.Rules) == 0 {
		set.Logger.Warn("no rules are configured: every span scores 0")
	}
	return p, nil
}

// addRules prepares what a rule that fired does.
func (p *riskProcessor) addRules(cfg *Config) {
	weights := make([]score.Weighted, 0, len(cfg.Rules))
	for i := range cfg.Rules {
		p.names = append(p.names, cfg.Rules[i].Name)
		weights = append(weights, score.Weighted{Weight: cfg.Rules[i].Weight, Group: cfg.Rules[i].Group})
	}
	p.scorer = score.New(weights)
	p.annotator = annotate.New(p.names, cfg.Levels.Medium, cfg.Levels.High, cfg.Levels.Critical)
}

// processTraces takes one batch the whole way. It may be called by many goroutines at once.
func (p *riskProcessor) processTraces(ctx context.Context, td ptrace.Traces) (ptrace.Traces, error) {
	w, ok := p.workers.Get().(*worker)
	if !ok {
		w = newWorker(p)
	}
	defer p.workers.Put(w)

	w.begin(ctx)
	w.score(td)
	w.decide(td)
	p.telemetry.report(ctx, w)
	w.end()

	if td.ResourceSpans().Len() == 0 {
		return td, processorhelper.ErrSkipProcessingData
	}
	return td, nil
}

func (p *riskProcessor) shutdown(context.Context) error {
	p.telemetry.shutdown()
	return nil
}

// conditionFailed logs the first error of each rule; the counter tells how many there are.
func (p *riskProcessor) conditionFailed(place int, err error) {
	if p.warned[place].CompareAndSwap(false, true) {
		p.logger.Warn("cannot evaluate rule; it does not fire for such spans, further errors are only counted",
			zap.String("rule", p.names[place]), zap.Error(err))
	}
}
