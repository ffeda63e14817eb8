// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.uber.org/zap"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/annotate"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/feature"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/sampler"
)

// clock returns the time since the beginning of 1970. It must not run backwards, which wall clocks do.
type clock func() time.Duration

// riskProcessor scores the records of one signal in one pipeline.
type riskProcessor struct {
	cfg       *Config
	signal    rule.Signal
	id        component.ID
	set       component.TelemetrySettings
	clock     clock
	telemetry *telemetry
	sampler   *sampler.Sampler // nil in mode score
	instances *instances

	// Set by start.
	shared     *instance
	state      state
	generation atomic.Pointer[generation]
}

// generation is the rules in use with what belongs to them. It is replaced as a whole when rules change.
type generation struct {
	*program
	engine    *feature.Engine
	annotator *annotate.Annotator
	options   ruleOptions
	warned    []atomic.Bool // by rule: its first error was logged
	workers   sync.Pool     // of *worker
}

// newProcessor makes the processor, and finds every fault of the configuration. Tables are allocated by start.
func newProcessor(cfg *Config, signal rule.Signal, id component.ID, set component.TelemetrySettings, clock clock, instances *instances) (*riskProcessor, error) {
	p := &riskProcessor{cfg: cfg, signal: signal, id: id, set: set, clock: clock, instances: instances}
	packs, err := cfg.packs()
	if err != nil {
		return nil, err
	}
	program, err := compile(cfg, packs, signal, set, 0)
	if err != nil {
		return nil, err
	}
	if cfg.Mode == ModeScoreAndSample {
		if p.sampler, err = sampler.New(cfg.Sampling.Percentage / 100); err != nil {
			return nil, err
		}
	}
	if p.telemetry, err = newTelemetry(set); err != nil {
		return nil, err
	}
	if len(program.live.names) == 0 && !(cfg.Learned.Enabled && signal == rule.Spans) {
		set.Logger.Warn("no rules are configured: everything scores 0")
	}
	return p, nil
}

// start finds the state and makes the tables.
func (p *riskProcessor) start(_ context.Context, host component.Host) error {
	var err error
	if p.state, err = findState(p.cfg.State, host); err != nil {
		return err
	}
	if p.shared, err = p.instances.join(p.cfg, p.state.store); err != nil {
		return err
	}
	if err := p.instances.learn(p.cfg, p.shared, p.state); err != nil {
		return err
	}
	packs, err := p.cfg.packs()
	if err != nil {
		return err
	}
	if err := p.use(packs); err != nil {
		return err
	}
	return nil
}

// use compiles rules and replaces those in use. What features have counted stays, as long as they count the same.
func (p *riskProcessor) use(packs packs) error {
	program, err := compile(p.cfg, packs, p.signal, p.set, p.shared.seed)
	if err != nil {
		return err
	}
	g := &generation{
		program:   program,
		engine:    feature.NewEngine(program.reader),
		annotator: annotate.New(program.live.names, p.cfg.Levels.Medium, p.cfg.Levels.High, p.cfg.Levels.Critical),
		options:   newRuleOptions(program),
		warned:    make([]atomic.Bool, len(program.live.names)),
	}
	for i := range program.specs {
		g.engine.Add(&program.specs[i], p.shared.store)
	}
	p.generation.Store(g)
	return nil
}

// worker returns a worker of the rules in use. It goes back by release.
func (p *riskProcessor) worker() *worker {
	g := p.generation.Load()
	if w, ok := g.workers.Get().(*worker); ok {
		return w
	}
	return newWorker(p, g)
}

func (w *worker) release() { w.generation.workers.Put(w) }

func (p *riskProcessor) shutdown(context.Context) error {
	if p.shared != nil {
		p.instances.leave(p.cfg)
	}
	p.telemetry.shutdown()
	return nil
}

func (p *riskProcessor) degraded() bool { return p.state.degraded() }

// conditionFailed logs the first error of each rule; the counter tells how many there are.
func (p *riskProcessor) conditionFailed(g *generation, place int, err error) {
	if g.warned[place].CompareAndSwap(false, true) {
		p.set.Logger.Warn("cannot evaluate rule; it does not fire for such records, further errors are only counted",
			zap.String("rule", g.live.names[place]), zap.Error(err))
	}
}
