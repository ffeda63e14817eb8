// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.uber.org/zap"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/annotate"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/feature"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/injection"
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
	inspector *injection.Inspector

	// Set by start.
	shared     *instance
	state      state
	crs        crsExtension // nil when nothing is asked about
	generation atomic.Pointer[generation]
	using      sync.Mutex // held while the rules in use are replaced
	packs      packs      // those in use, guarded by using
	reload     *reloader  // nil when nothing is to be looked at
	leave      []func()   // what shutdown undoes, last first
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
	p := &riskProcessor{cfg: cfg, signal: signal, id: id, set: set, clock: clock, instances: instances, inspector: injection.New(cfg.Limits.MaxInspectedBytes)}
	packs, err := cfg.packs()
	if err != nil {
		return nil, err
	}
	program, err := compile(cfg, packs, signal, set, p.inspector, 0)
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
	if learns := cfg.Learned.Enabled && signal == rule.Spans; len(program.live.names) == 0 && !learns {
		set.Logger.Warn("no rules are configured: everything scores 0")
	}
	if cfg.CRS.Extension != nil && len(program.findings.places) == 0 {
		set.Logger.Warn("crs::extension is configured, but no feature has the signals crs: nothing is asked about")
	}
	return p, nil
}

// start finds the state and makes the tables. What it has begun when it fails, shutdown ends.
func (p *riskProcessor) start(_ context.Context, host component.Host) error {
	var err error
	if p.state, err = findState(p.cfg.State, host); err != nil {
		return err
	}
	if p.crs, err = findCRS(p.cfg.CRS.Extension, host); err != nil {
		return err
	}
	if p.shared, err = p.instances.join(p.cfg, p.state.store); err != nil {
		return err
	}
	p.leave = append(p.leave, func() { p.instances.leave(p.cfg) })
	if err := p.instances.learn(p.cfg, p.shared, p.state); err != nil {
		return err
	}
	packs, err := p.cfg.packs()
	if err != nil {
		return err
	}
	p.leave = append(p.leave, p.shared.store.Watch(p.rekey)) // before the seed is used, which may change at any time
	if err := p.use(packs); err != nil {
		return err
	}
	unregister, err := p.state.register(p)
	if err != nil {
		return err
	}
	p.leave = append(p.leave, unregister)
	if len(p.cfg.RulesFiles)+len(p.cfg.Shadow.RulesFiles) > 0 && p.cfg.ReloadInterval > 0 {
		p.reload = startReloading(p, host, packs.digest)
	}
	return nil
}

// use compiles rules and replaces those in use. What features have counted stays, as long as they count the same.
func (p *riskProcessor) use(packs packs) error {
	p.using.Lock()
	defer p.using.Unlock()
	return p.replace(packs)
}

// replace is use for those who hold p.using.
func (p *riskProcessor) replace(packs packs) error {
	program, err := compile(p.cfg, packs, p.signal, p.set, p.inspector, p.shared.store.Seed())
	if err != nil {
		return err
	}
	g := &generation{
		program:   program,
		engine:    feature.NewEngine(program.reader, p.shared.store),
		annotator: annotate.New(program.live.names, p.cfg.Levels.Medium, p.cfg.Levels.High, p.cfg.Levels.Critical),
		options:   newRuleOptions(program),
		warned:    make([]atomic.Bool, len(program.live.names)),
	}
	for i := range program.specs {
		g.engine.Add(&program.specs[i])
	}
	p.reportFaults()
	p.packs = packs
	if before := p.generation.Swap(g); before != nil {
		before.engine.Close()
	}
	return nil
}

// reportFaults reports tables of which a snapshot could not be read in full.
func (p *riskProcessor) reportFaults() {
	for _, err := range p.shared.store.Faults() {
		p.telemetry.builder.ProcessorRiskRestoreFaults.Add(context.Background(), 1)
		p.set.Logger.Error("cannot restore all that a feature had counted; the rest is in use", zap.Error(err))
	}
}

// rekey begins anew with other hashes.
func (p *riskProcessor) rekey() {
	p.using.Lock()
	defer p.using.Unlock()
	if p.generation.Load() == nil {
		return // start will use the new seed
	}
	if err := p.replace(p.packs); err != nil { // cannot be: it was used before
		p.set.Logger.Error("cannot use rules with a new seed", zap.Error(err))
	}
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
	p.reload.close()
	for _, undo := range slices.Backward(p.leave) {
		undo()
	}
	p.leave = nil
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
