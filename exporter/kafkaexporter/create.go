// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
)

var errForeignConfig = errors.New("create kafka exporter: the configuration is another component's")

func createTraces(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Traces, error) {
	c, ok := cfg.(*Config)
	if !ok {
		return nil, errForeignConfig
	}
	keying := keyingOf(c.PartitionTracesByID, c.PartitionTracesByResourceAttributes)
	e, err := newExporter(set, c, c.Traces, keying)
	if err != nil {
		return nil, err
	}
	return xexporterhelper.NewTracesRequest(ctx, set, converter(e.signal.Topic, e.encoder.Traces, ptrace.Traces.SpanCount), e.push, e.options()...)
}

func createMetrics(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Metrics, error) {
	c, ok := cfg.(*Config)
	if !ok {
		return nil, errForeignConfig
	}
	e, err := newExporter(set, c, c.Metrics, keyingOf(false, c.PartitionMetricsByResourceAttributes))
	if err != nil {
		return nil, err
	}
	return xexporterhelper.NewMetricsRequest(ctx, set, converter(e.signal.Topic, e.encoder.Metrics, pmetric.Metrics.DataPointCount), e.push, e.options()...)
}

func createLogs(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
	c, ok := cfg.(*Config)
	if !ok {
		return nil, errForeignConfig
	}
	keying := keyingOf(c.PartitionLogsByTraceID, c.PartitionLogsByResourceAttributes)
	e, err := newExporter(set, c, c.Logs, keying)
	if err != nil {
		return nil, err
	}
	return xexporterhelper.NewLogsRequest(ctx, set, converter(e.signal.Topic, e.encoder.Logs, plog.Logs.LogRecordCount), e.push, e.options()...)
}

// converter makes a request of incoming data, in the goroutine of the caller: so encoding runs in parallel, and the queue
// holds bytes whose number is known.
func converter[T any](topic string, encodeAll func(T) ([]encode.Record, error), count func(T) int) xexporterhelper.RequestConverterFunc[T] {
	return func(_ context.Context, data T) (xexporterhelper.Request, error) {
		records, err := encodeAll(data)
		if err != nil {
			return nil, err
		}
		for i := range records {
			records[i].Topic = topic
		}
		return newRequest(records, count(data)), nil
	}
}

func keyingOf(byTraceID, byResource bool) encode.Keying {
	switch {
	case byTraceID:
		return encode.ByTraceID
	case byResource:
		return encode.ByResource
	default:
		return encode.Unkeyed
	}
}

// options wires the exporter into exporterhelper: queue -> retry -> timeout -> push.
func (e *kafkaExporter) options() []exporterhelper.Option {
	return []exporterhelper.Option{
		exporterhelper.WithCapabilities(consumer.Capabilities{MutatesData: false}),
		exporterhelper.WithTimeout(e.config.TimeoutSettings),
		exporterhelper.WithRetry(e.config.BackOffConfig),
		xexporterhelper.WithQueueBatch(e.config.QueueBatchConfig, xexporterhelper.QueueBatchSettings{Encoding: requestEncoding{}}),
		exporterhelper.WithStart(e.start),
		exporterhelper.WithShutdown(e.shutdown),
	}
}
