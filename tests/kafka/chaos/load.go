// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter"
)

const (
	senders    = 64
	spansEach  = 10 // spans of a request
	traceSpans = 3  // spans of a trace, which is a record, and may reach into the next request
)

// load is an exporter and what sends to it.
type load struct {
	exporter  exporter.Traces
	telemetry *componenttest.Telemetry

	next      atomic.Int64 // number of the next request
	confirmed atomic.Int64
	refused   atomic.Int64
	longest   atomic.Int64 // in milliseconds
	// progress gets a value, if there is room, whenever a request is confirmed or refused.
	progress chan struct{}
	stop     context.CancelFunc
	sending  sync.WaitGroup
}

// startLoad starts to send so many requests a second. A request that was begun is always seen through.
func startLoad(ctx context.Context, brokers []string, topic string, rate int) (*load, error) {
	l := &load{telemetry: componenttest.NewTelemetry(), progress: make(chan struct{}, 1)}
	factory := kafkaexporter.NewFactory()
	cfg := factory.CreateDefaultConfig()
	// JSON, so that each record is a line; nothing ever gives up.
	err := confmap.NewFromStringMap(map[string]any{
		"brokers":                brokers,
		"traces":                 map[string]any{"topic": topic, "encoding": "otlp_json"},
		"partition_traces_by_id": true,
		"producer":               map[string]any{"compression": "lz4"},
		"sending_queue":          map[string]any{"enabled": false},
		"retry_on_failure":       map[string]any{"initial_interval": "100ms", "max_interval": "1s", "max_elapsed_time": 0},
	}).Unmarshal(cfg)
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	set := exportertest.NewNopSettings(factory.Type())
	set.TelemetrySettings = l.telemetry.NewTelemetrySettings()
	if l.exporter, err = factory.CreateTraces(ctx, set, cfg); err != nil {
		return nil, err
	}
	if err := l.exporter.Start(ctx, componenttest.NewNopHost()); err != nil {
		return nil, err
	}
	ticking, stop := context.WithCancel(ctx)
	l.stop = stop
	tokens := make(chan struct{})
	l.sending.Go(func() { tick(ticking, rate, tokens) })
	for range senders {
		l.sending.Go(func() { l.send(ctx, tokens) })
	}
	return l, nil
}

// tick hands out so many tokens a second until ctx ends; those that nobody takes in time are lost.
func tick(ctx context.Context, rate int, tokens chan<- struct{}) {
	defer close(tokens)
	ticker := time.NewTicker(time.Second / time.Duration(rate))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		select {
		case <-ctx.Done():
			return
		case tokens <- struct{}{}:
		}
	}
}

func (l *load) send(ctx context.Context, tokens <-chan struct{}) {
	for range tokens {
		begun := time.Now()
		err := l.exporter.ConsumeTraces(ctx, request(l.next.Add(1)-1))
		took := time.Since(begun).Milliseconds()
		for old := l.longest.Load(); took > old && !l.longest.CompareAndSwap(old, took); old = l.longest.Load() {
			continue
		}
		if err != nil {
			l.refused.Add(1)
		} else {
			l.confirmed.Add(1)
		}
		select {
		case l.progress <- struct{}{}:
		default:
		}
	}
}

// request makes the n-th request.
func request(n int64) ptrace.Traces {
	td := ptrace.NewTraces()
	resource := td.ResourceSpans().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "shop")
	spans := resource.ScopeSpans().AppendEmpty().Spans()
	for i := range spansEach {
		number := uint64(n)*spansEach + uint64(i)
		var trace pcommon.TraceID
		var id pcommon.SpanID
		binary.BigEndian.PutUint64(trace[8:], number/traceSpans+1)
		binary.BigEndian.PutUint64(id[:], number+1) // zero is no id
		span := spans.AppendEmpty()
		span.SetTraceID(trace)
		span.SetSpanID(id)
		span.SetName("GET /cart/{id}")
	}
	return td
}

// awaitMore returns when so many further requests have been confirmed.
func (l *load) awaitMore(ctx context.Context, requests int64) error {
	for want := l.confirmed.Load() + requests; l.confirmed.Load() < want; {
		select {
		case <-l.progress:
		case <-ctx.Done():
			return fmt.Errorf("wait for requests to be confirmed: %w", context.Cause(ctx))
		}
		if l.refused.Load() > 0 {
			return errors.New("wait for requests to be confirmed: the exporter gave one up")
		}
	}
	return nil
}

// end stops sending and then the exporter.
func (l *load) end() error {
	l.stop()
	l.sending.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return l.exporter.Shutdown(ctx)
}

// retried returns how many batches were sent again.
func (l *load) retried() (int64, error) {
	m, err := l.telemetry.GetMetric("otelcol_kafka_exporter_retries")
	if err != nil {
		return 0, nil //nolint:nilerr // a counter that was never used is not there
	}
	sum, ok := m.Data.(metricdata.Sum[int64])
	if !ok {
		return 0, fmt.Errorf("read number of retries: found %T", m.Data)
	}
	total := int64(0)
	for _, point := range sum.DataPoints {
		total += point.Value
	}
	return total, nil
}
