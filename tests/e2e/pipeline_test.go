// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

const (
	topic      = "otlp_spans"
	partitions = 3
)

// pipeline is a collector between the sockets of this host and a broker in memory.
type pipeline struct {
	t         *testing.T
	broker    *harness.Broker
	reader    *harness.Reader
	collector *harness.Collector
	telemetry string
	spans     []harness.Span // all that were read so far
	metrics   harness.Metrics
}

// capture starts a collector that passes on every span that the filter, in YAML, lets through.
func capture(t *testing.T, filter string) *pipeline {
	t.Helper()
	return startPipeline(t, "capture.yaml", filter)
}

// startPipeline starts a collector with a configuration from testdata. It is ended with the test at the latest.
func startPipeline(t *testing.T, config, filter string) *pipeline {
	t.Helper()
	needRoot(t)
	spec, broker, telemetry := newCollector(t, config, filter)
	collector, err := harness.StartCollector(within(t, patience), spec)
	if err != nil {
		t.Fatal(err)
	}
	p := &pipeline{t: t, broker: broker, collector: collector, telemetry: telemetry}
	t.Cleanup(func() {
		if err := collector.Kill(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(collector.Explain(errors.New("collector")))
		}
	})
	if p.reader, err = harness.NewReader(broker.Addr(), topic); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.reader.Close)
	return p
}

// newCollector starts a broker and returns how to start a collector that writes to it.
func newCollector(t *testing.T, config, filter string) (harness.CollectorSpec, *harness.Broker, string) {
	t.Helper()
	broker, err := harness.StartBroker(partitions, topic)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	addrs, err := harness.FreeAddrs(1)
	if err != nil {
		t.Fatal(err)
	}
	return harness.CollectorSpec{
		Binary: collectorBinary(t), Config: filepath.Join("testdata", config),
		Log: filepath.Join(t.TempDir(), "collector.log"),
		Env: []string{
			"E2E_BROKER=" + broker.Addr(), "E2E_TOPIC=" + topic, "E2E_FILTER=" + filter,
			"E2E_TELEMETRY_PORT=" + port(t, addrs[0]),
		},
	}, broker, addrs[0]
}

// finish waits until want spans are accounted for, stops the collector, reads the topic to its end and returns all
// spans. That one is missing, is there twice, or should not be there fails the test.
func (p *pipeline) finish(want int) []harness.Span {
	p.t.Helper()
	p.settle(want)
	p.stop()
	if got := p.accounted(); got != want {
		p.t.Errorf("%d spans in Kafka and losses %v, want %d spans in all", len(p.spans), p.metrics.Losses(), want)
	}
	if n := harness.Total(p.metrics.Losses()); n > 0 {
		p.t.Logf("lost %d of %d: %v", n, want, p.metrics.Losses())
	}
	p.checkUnique()
	return p.spans
}

// accounted returns how many spans are in Kafka, sampled out or lost.
func (p *pipeline) accounted() int {
	return len(p.spans) + p.metrics.SampledOut() + harness.Total(p.metrics.Losses())
}

// settle reads until want spans are accounted for, or patience is over: finish says what is missing.
func (p *pipeline) settle(want int) {
	p.t.Helper()
	ctx := within(p.t, patience)
	for ctx.Err() == nil {
		metrics, err := harness.Scrape(ctx, p.telemetry)
		if err != nil {
			p.t.Fatal(p.collector.Explain(err))
		}
		p.metrics = metrics
		if p.accounted() >= want {
			return
		}
		poll, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		spans, err := p.reader.Poll(poll)
		cancel()
		p.spans = append(p.spans, spans...)
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			p.t.Fatal(err)
		}
	}
}

// stop ends the collector and reads what it still sent.
func (p *pipeline) stop() {
	p.t.Helper()
	if err := p.collector.Stop(grace); err != nil {
		p.t.Error(err)
	}
	spans, err := p.reader.Rest(within(p.t, patience), p.broker)
	p.spans = append(p.spans, spans...)
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *pipeline) checkUnique() {
	p.t.Helper()
	seen := map[string]bool{}
	for _, span := range p.spans {
		id := span.TraceID().String() + span.SpanID().String()
		if seen[id] {
			p.t.Errorf("span %s is there twice: %s", id, describe(span))
		}
		seen[id] = true
	}
}

// onlyPorts is a filter for the servers at the given addresses.
func onlyPorts(t *testing.T, addrs ...string) string {
	t.Helper()
	list := ""
	for i, addr := range addrs {
		if i > 0 {
			list += ", "
		}
		list += port(t, addr)
	}
	return fmt.Sprintf("{ports: {include: [%s]}}", list)
}

func port(t *testing.T, addr string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
