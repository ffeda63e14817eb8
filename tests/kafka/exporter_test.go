// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter"
)

// settings is what stands below the exporter's name in a configuration file.
type settings map[string]any

// signal is what the tests need to know about traces, metrics or logs, whose pdata type is T.
type signal[T any] struct {
	name string
	// make adds a payload.
	make func(*maker) T
	// create makes the exporter and its function to send with.
	create func(context.Context, exporter.Settings, component.Config) (component.Component, func(context.Context, T) error, error)
	split  func(T) []item
	// decode reads a value that is written in the encoding of that name.
	decode map[string]func([]byte) (T, error)
	// byTrace and byResource are the settings that choose the key; "" where the signal has no such setting.
	byTrace, byResource string
}

var traces = signal[ptrace.Traces]{
	name: "traces", make: (*maker).traces, split: splitTraces,
	create: func(ctx context.Context, set exporter.Settings, cfg component.Config) (component.Component, func(context.Context, ptrace.Traces) error, error) {
		e, err := kafkaexporter.NewFactory().CreateTraces(ctx, set, cfg)
		if err != nil {
			return nil, nil, err
		}
		return e, e.ConsumeTraces, nil
	},
	decode: map[string]func([]byte) (ptrace.Traces, error){
		"otlp_proto": (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces,
		"otlp_json":  (&ptrace.JSONUnmarshaler{}).UnmarshalTraces,
	},
	byTrace: "partition_traces_by_id", byResource: "partition_traces_by_resource_attributes",
}

var metrics = signal[pmetric.Metrics]{
	name: "metrics", make: (*maker).metrics, split: splitMetrics,
	create: func(ctx context.Context, set exporter.Settings, cfg component.Config) (component.Component, func(context.Context, pmetric.Metrics) error, error) {
		e, err := kafkaexporter.NewFactory().CreateMetrics(ctx, set, cfg)
		if err != nil {
			return nil, nil, err
		}
		return e, e.ConsumeMetrics, nil
	},
	decode: map[string]func([]byte) (pmetric.Metrics, error){
		"otlp_proto": (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics,
		"otlp_json":  (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics,
	},
	byResource: "partition_metrics_by_resource_attributes",
}

var logs = signal[plog.Logs]{
	name: "logs", make: (*maker).logs, split: splitLogs,
	create: func(ctx context.Context, set exporter.Settings, cfg component.Config) (component.Component, func(context.Context, plog.Logs) error, error) {
		e, err := kafkaexporter.NewFactory().CreateLogs(ctx, set, cfg)
		if err != nil {
			return nil, nil, err
		}
		return e, e.ConsumeLogs, nil
	},
	decode: map[string]func([]byte) (plog.Logs, error){
		"otlp_proto": (&plog.ProtoUnmarshaler{}).UnmarshalLogs,
		"otlp_json":  (&plog.JSONUnmarshaler{}).UnmarshalLogs,
	},
	byTrace: "partition_logs_by_trace_id", byResource: "partition_logs_by_resource_attributes",
}

// running is a started exporter.
type running[T any] struct {
	send      func(context.Context, T) error
	component component.Component
}

// start runs an exporter that writes encoding to topic, with further settings, read and checked as the collector does.
func (s signal[T]) start(t *testing.T, brokers []string, topic, encoding string, further settings) running[T] {
	t.Helper()
	given := map[string]any{
		"brokers": brokers,
		s.name:    map[string]any{"topic": topic, "encoding": encoding},
	}
	for key, value := range further {
		given[key] = value
	}
	factory := kafkaexporter.NewFactory()
	config := factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(given).Unmarshal(config); err != nil {
		t.Fatal(err)
	}
	if err := confmap.Validate(config); err != nil {
		t.Fatal(err)
	}
	created, send, err := s.create(t.Context(), exportertest.NewNopSettings(factory.Type()), config)
	if err != nil {
		t.Fatal(err)
	}
	if err := created.Start(t.Context(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	return running[T]{send: send, component: created}
}

// shutdownLimit bounds the end of an exporter, which delivers what its queue still holds.
const shutdownLimit = 30 * time.Second

// stop ends the exporter; whatever it accepted has then been delivered.
func (r running[T]) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), shutdownLimit)
	defer cancel()
	if err := r.component.Shutdown(ctx); err != nil {
		t.Errorf("shut down exporter: %v", err)
	}
}

// items returns the items of a record's value.
func (s signal[T]) items(encoding string, value []byte) ([]item, error) {
	payload, err := s.decode[encoding](value)
	if err != nil {
		return nil, fmt.Errorf("decode %s as %s: %w", s.name, encoding, err)
	}
	return s.split(payload), nil
}
