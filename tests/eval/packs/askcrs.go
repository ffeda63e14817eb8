// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-risk/otelcol-risk/extension/riskcrs"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor"
)

// packCRS is the pack of what the Core Rule Set finds.
const packCRS = "crs"

// answer is what the Core Rule Set made of an item.
type answer struct {
	asked bool // the processor found it worth it
	found bool // the next span of the address says that it was an attack
}

// inspector is the extension's contract.
type inspector interface {
	component.Component
	Inspect(request *riskcrs.Request, done func(*riskcrs.Finding)) bool
}

// watched is the extension, and knows what it was asked and has answered.
type watched struct {
	inspector
	asked   int
	refused int
	pending sync.WaitGroup
}

// Inspect hands on. It is called by one goroutine here.
func (w *watched) Inspect(request *riskcrs.Request, done func(*riskcrs.Finding)) bool {
	w.asked++
	w.pending.Add(1)
	taken := w.inspector.Inspect(request, func(f *riskcrs.Finding) {
		done(f)
		w.pending.Done()
	})
	if !taken {
		w.refused++
		w.pending.Done()
	}
	return taken
}

// host has the extension.
type host struct {
	component.Host
	extension component.Component
}

var crsID = component.MustNewID("riskcrs")

// GetExtensions implements component.Host.
func (h host) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{crsID: h.extension}
}

// newInspector makes the extension as it comes, but that it takes everything, does not rest, and never gives up: how busy
// the machine is must not be seen in the figures.
func newInspector(ctx context.Context, items int) (*watched, error) {
	factory := riskcrs.NewFactory()
	cfg, ok := factory.CreateDefaultConfig().(*riskcrs.Config)
	if !ok {
		return nil, errors.New("make configuration: defaults are of another type")
	}
	cfg.Workers, cfg.CPUShare, cfg.Timeout = runtime.GOMAXPROCS(0), 1, time.Minute
	cfg.MaxRequestBytes, cfg.Queue.MaxRequests, cfg.Queue.MaxBytes = 1<<16, items+1, 1<<30
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	made, err := factory.Create(ctx, extensiontest.NewNopSettings(factory.Type()), cfg)
	if err != nil {
		return nil, err
	}
	extension, ok := made.(inspector)
	if !ok {
		return nil, fmt.Errorf("make the extension: it is a %T", made)
	}
	return &watched{inspector: extension}, nil
}

// askCRS sends every request from an address of its own, waits for the answers, and looks at a second span of each address.
func askCRS(ctx context.Context, items []item) ([]answer, error) {
	extension, err := newInspector(ctx, len(items))
	if err != nil {
		return nil, err
	}
	cfg, err := configuration([]string{packCRS})
	if err != nil {
		return nil, err
	}
	cfg.CRS.Extension = &crsID
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	spans := new(consumertest.TracesSink)
	traces, err := riskprocessor.NewFactory().CreateTraces(ctx, processortest.NewNopSettings(component.MustNewType("risk")), cfg, spans)
	if err != nil {
		return nil, err
	}
	answers := make([]answer, len(items))
	h := host{componenttest.NewNopHost(), extension}
	return answers, started(ctx, h, extension, func() error {
		return started(ctx, h, traces, func() error { return ask(ctx, traces, spans, extension, items, answers) })
	})
}

func ask(ctx context.Context, traces processor.Traces, spans *consumertest.TracesSink, extension *watched, items []item, answers []answer) error {
	send := func(n int, i *item) ([]string, error) {
		td := ptrace.NewTraces()
		span := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		span.SetKind(ptrace.SpanKindServer)
		i.write(span.Attributes())
		span.Attributes().PutStr("client.address", fmt.Sprintf("10.%d.%d.%d", n>>16, n>>8&0xff, n&0xff))
		spans.Reset()
		if err := traces.ConsumeTraces(ctx, td); err != nil {
			return nil, err
		}
		return read(spans.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes()), nil
	}
	for n := range items {
		before := extension.asked
		if items[n].body != "" {
			continue // a log line tells of no request
		}
		if _, err := send(n, &items[n]); err != nil {
			return err
		}
		answers[n].asked = extension.asked > before
	}
	extension.pending.Wait()
	if extension.refused > 0 {
		return fmt.Errorf("%d requests were not looked at", extension.refused)
	}
	for n := range items {
		reasons, err := send(n, &item{})
		if err != nil {
			return err
		}
		for _, reason := range reasons {
			answers[n].found = answers[n].found || strings.HasPrefix(reason, packCRS+".")
		}
	}
	return nil
}
