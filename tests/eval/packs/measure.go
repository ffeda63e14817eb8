// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor"
)

// share is how many of a number of items were found.
type share struct {
	Items int `json:"items"`
	Found int `json:"found"`
}

func (s share) rate() float64 { return float64(s.Found) / float64(max(1, s.Items)) }

func (s *share) add(found bool) {
	s.Items++
	if found {
		s.Found++
	}
}

func (s share) String() string {
	if s.Items == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f of %d", s.rate(), s.Items)
}

// row is a class of items.
type row struct {
	Set    string `json:"set"`
	Class  string `json:"class"`
	Packs  string `json:"packs"`
	Attack bool   `json:"attack"`
	Sight  share  `json:"in_sight"`
	Held   share  `json:"held_out"`
	// Found by the packs, or, in the next record of the same address, by the Core Rule Set.
	SightCRS share `json:"in_sight_with_crs"`
	HeldCRS  share `json:"held_out_with_crs"`
	// Asked is how many were worth asking the Core Rule Set about.
	Asked share `json:"asked"`
}

// add counts an item.
func (r *row) add(held, found, asked, later bool) {
	packs, both := &r.Sight, &r.SightCRS
	if held {
		packs, both = &r.Held, &r.HeldCRS
	}
	packs.add(found)
	both.add(found || later)
	r.Asked.add(asked)
}

// measure runs the items through the processor and counts by class, in the order in which classes appear.
func measure(ctx context.Context, set string, items []item) ([]row, error) {
	reasons, err := reasonsOf(ctx, items)
	if err != nil {
		return nil, fmt.Errorf("score %s: %w", set, err)
	}
	later, err := askCRS(ctx, items)
	if err != nil {
		return nil, fmt.Errorf("ask the Core Rule Set about %s: %w", set, err)
	}
	var rows []row
	for n := range items {
		i := &items[n]
		at := slices.IndexFunc(rows, func(r row) bool { return r.Class == i.class })
		if at < 0 {
			at = len(rows)
			rows = append(rows, row{Set: set, Class: i.class, Packs: i.packs, Attack: i.attack})
		}
		rows[at].add(i.held, i.foundBy(reasons[n]), later[n].asked, later[n].found)
	}
	return rows, nil
}

// foundBy says whether a rule of the item's packs is among the reasons.
func (i *item) foundBy(reasons []string) bool {
	return slices.ContainsFunc(reasons, func(reason string) bool {
		pack, _, _ := strings.Cut(reason, ".")
		return slices.Contains(strings.Fields(i.packs), pack)
	})
}

// configuration is that of a processor with these packs and nothing else.
func configuration(packs []string) (*riskprocessor.Config, error) {
	cfg, ok := riskprocessor.NewFactory().CreateDefaultConfig().(*riskprocessor.Config)
	if !ok {
		return nil, fmt.Errorf("make configuration: defaults are of another type")
	}
	cfg.Mode, cfg.RulePacks, cfg.Learned.Enabled = riskprocessor.ModeScore, packs, false
	return cfg, nil
}

// reasonsOf returns risk.reasons of each item, with every pack in use that tells from the item alone.
func reasonsOf(ctx context.Context, items []item) ([][]string, error) {
	factory := riskprocessor.NewFactory()
	cfg, err := configuration(slices.DeleteFunc(riskprocessor.RulePacks(), func(pack string) bool { return pack == packCRS }))
	if err != nil {
		return nil, err
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	set := processortest.NewNopSettings(component.MustNewType("risk"))
	spans, records := new(consumertest.TracesSink), new(consumertest.LogsSink)
	traces, err := factory.CreateTraces(ctx, set, cfg, spans)
	if err != nil {
		return nil, err
	}
	logs, err := factory.CreateLogs(ctx, set, cfg, records)
	if err != nil {
		return nil, err
	}
	all := make([][]string, len(items))
	nobody := componenttest.NewNopHost()
	return all, started(ctx, nobody, traces, func() error {
		return started(ctx, nobody, logs, func() error { return score(ctx, traces, logs, spans, records, items, all) })
	})
}

func started(ctx context.Context, h component.Host, c component.Component, do func() error) error {
	if err := c.Start(ctx, h); err != nil {
		return err
	}
	err := do()
	if shutdownErr := c.Shutdown(ctx); err == nil {
		err = shutdownErr
	}
	return err
}

// score sends each item by itself.
func score(ctx context.Context, traces processor.Traces, logs processor.Logs, spans *consumertest.TracesSink, records *consumertest.LogsSink, items []item, all [][]string) error {
	for n := range items {
		i := &items[n]
		spans.Reset()
		records.Reset()
		if i.body != "" {
			ld := plog.NewLogs()
			record := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
			record.Body().SetStr(i.body)
			i.write(record.Attributes())
			if err := logs.ConsumeLogs(ctx, ld); err != nil {
				return err
			}
			all[n] = read(records.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes())
			continue
		}
		td := ptrace.NewTraces()
		span := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		span.SetKind(ptrace.SpanKindServer)
		i.write(span.Attributes())
		if err := traces.ConsumeTraces(ctx, td); err != nil {
			return err
		}
		all[n] = read(spans.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes())
	}
	return nil
}

func read(attrs pcommon.Map) []string {
	var reasons []string
	if v, ok := attrs.Get("risk.reasons"); ok {
		for _, reason := range v.Slice().All() {
			reasons = append(reasons, reason.Str())
		}
	}
	return reasons
}
