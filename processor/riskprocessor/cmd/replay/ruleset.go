// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor"
)

// ruleset is the processor with one set of rules, in a pipeline of traces and in one of logs.
type ruleset struct {
	traces  processor.Traces
	logs    processor.Logs
	samples bool
	certain float64    // score from which a record is kept for certain
	out     []decision // of the request at hand, in order
}

// decision is what became of a record.
type decision struct {
	score   float64
	keep    bool
	reasons []string
}

// newRuleset starts the processor. Seeds are fixed, so that every replay gives the same.
func newRuleset(ctx context.Context, cfg *riskprocessor.Config, factory processor.Factory) (*ruleset, error) {
	s := &ruleset{samples: cfg.Mode == riskprocessor.ModeScoreAndSample, certain: cfg.Sampling.KeepAbove}
	traces, err := consumer.NewTraces(func(_ context.Context, td ptrace.Traces) error {
		s.note(td)
		return nil
	})
	if err != nil {
		return nil, err
	}
	logs, err := consumer.NewLogs(func(_ context.Context, ld plog.Logs) error {
		s.noteLogs(ld)
		return nil
	})
	if err != nil {
		return nil, err
	}
	set := processor.Settings{ID: component.NewID(factory.Type()), TelemetrySettings: componenttest.NewNopTelemetrySettings()}
	if s.traces, err = factory.CreateTraces(ctx, set, cfg, traces); err != nil {
		return nil, err
	}
	if s.logs, err = factory.CreateLogs(ctx, set, cfg, logs); err != nil {
		return nil, err
	}
	for _, c := range []component.Component{s.traces, s.logs} {
		if err := c.Start(ctx, componenttest.NewNopHost()); err != nil {
			return nil, fmt.Errorf("start processor: %w", err)
		}
	}
	return s, nil
}

func (s *ruleset) close(ctx context.Context) {
	for _, c := range []component.Component{s.traces, s.logs} {
		_ = c.Shutdown(ctx) // has nothing to lose
	}
}

// factoryOf makes a factory for one set of rules.
func factoryOf(clock func() time.Duration) processor.Factory {
	seed := uint64(0)
	return riskprocessor.NewFactoryForReplay(clock, func() uint64 {
		seed++
		return seed * 0x9e3779b97f4a7c15
	})
}

// score returns the decisions on the records of the request, until the next one.
func (s *ruleset) score(ctx context.Context, r *request) ([]decision, error) {
	s.out = s.out[:0]
	var err error
	switch r.kind {
	case spans:
		td := ptrace.NewTraces()
		r.traces.CopyTo(td)
		err = s.traces.ConsumeTraces(ctx, td)
	case logRecords:
		ld := plog.NewLogs()
		r.logs.CopyTo(ld)
		err = s.logs.ConsumeLogs(ctx, ld)
	case neither:
	}
	return s.out, err
}

func (s *ruleset) note(td ptrace.Traces) {
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				s.out = append(s.out, s.read(span.Attributes()))
			}
		}
	}
}

func (s *ruleset) noteLogs(ld plog.Logs) {
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, record := range sl.LogRecords().All() {
				s.out = append(s.out, s.read(record.Attributes()))
			}
		}
	}
}

// read reads what the processor has written.
func (s *ruleset) read(attrs pcommon.Map) decision {
	d := decision{keep: true}
	if v, ok := attrs.Get("risk.score"); ok {
		d.score = v.Double()
	}
	if v, ok := attrs.Get("risk.sampling"); ok && s.samples {
		d.keep = v.Str() == "keep"
	}
	if v, ok := attrs.Get("risk.reasons"); ok {
		for _, reason := range v.Slice().All() {
			d.reasons = append(d.reasons, reason.Str())
		}
	}
	return d
}
