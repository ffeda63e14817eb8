// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"
	"go.opentelemetry.io/collector/exporter/xexporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/express"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/recordbatch"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/shape"
)

var errForeignConfig = errors.New("create kafka exporter: the configuration is another component's")

func createTraces(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Traces, error) {
	c, ok := cfg.(*Config)
	if !ok {
		return nil, errForeignConfig
	}
	keying := keyingOf(c.PartitionTracesByID, c.PartitionTracesByResourceAttributes)
	e, s, err := newSignalExporter(set, c, c.Traces, keying, tracesEncoding, shape.NewTraces, ptrace.Traces.SpanCount, express.Spans)
	if err != nil {
		return nil, err
	}
	return xexporterhelper.NewTracesRequest(ctx, set, s.convert, e.push, e.options(s.start)...)
}

func createMetrics(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Metrics, error) {
	c, ok := cfg.(*Config)
	if !ok {
		return nil, errForeignConfig
	}
	keying := keyingOf(false, c.PartitionMetricsByResourceAttributes)
	e, s, err := newSignalExporter(set, c, c.Metrics, keying, metricsEncoding, shape.NewMetrics, pmetric.Metrics.DataPointCount, express.Metrics)
	if err != nil {
		return nil, err
	}
	return xexporterhelper.NewMetricsRequest(ctx, set, s.convert, e.push, e.options(s.start)...)
}

func createLogs(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
	c, ok := cfg.(*Config)
	if !ok {
		return nil, errForeignConfig
	}
	keying := keyingOf(c.PartitionLogsByTraceID, c.PartitionLogsByResourceAttributes)
	e, s, err := newSignalExporter(set, c, c.Logs, keying, logsEncoding, shape.NewLogs, plog.Logs.LogRecordCount, express.LogRecords)
	if err != nil {
		return nil, err
	}
	return xexporterhelper.NewLogsRequest(ctx, set, s.convert, e.push, e.options(s.start)...)
}

func createProfiles(ctx context.Context, set exporter.Settings, cfg component.Config) (xexporter.Profiles, error) {
	c, ok := cfg.(*Config)
	if !ok {
		return nil, errForeignConfig
	}
	e, s, err := newSignalExporter(set, c, c.Profiles, encode.Unkeyed, profilesEncoding, shape.NewProfiles, pprofile.Profiles.SampleCount, nil)
	if err != nil {
		return nil, err
	}
	return xexporterhelper.NewProfilesRequest(ctx, set, s.convert, e.push, e.options(s.start)...)
}

// signalExporter is the part of an exporter that knows the signal's data type.
type signalExporter[T any] struct {
	exporter *kafkaExporter
	settings shape.Settings
	encoding func(name string, host component.Host) (shape.Encoding[T], error)
	shaper   func(shape.Settings, shape.Encoding[T]) *shape.Shaper[T]
	items    func(T) int
	sorter   express.Sorter[T] // nil without OTTL

	// records exists from start on.
	records func(ctx context.Context, data T) ([]encode.Record, error)
}

func newSignalExporter[T any](
	set exporter.Settings, c *Config, config SignalConfig, keying encode.Keying,
	encoding func(string, component.Host) (shape.Encoding[T], error),
	shaper func(shape.Settings, shape.Encoding[T]) *shape.Shaper[T], items func(T) int,
	sorter func(component.TelemetrySettings, express.Expressions) (express.Sorter[T], error),
) (*kafkaExporter, *signalExporter[T], error) {
	e, err := newExporter(set, c, config)
	if err != nil {
		return nil, nil, err
	}
	settings := shape.Settings{
		Topic: config.Topic, TopicFromMetadata: config.TopicFromMetadataKey, KeyFromMetadata: config.MessageKeyFromMetadataKey,
		TopicFromAttribute: c.TopicFromAttribute, KeyFromAttribute: config.MessageKeyFromAttribute, Keying: keying, HeadersFromMetadata: c.IncludeMetadataKeys, Risk: c.RiskHeaders,
	}
	for _, header := range c.RecordHeaders {
		settings.Headers = append(settings.Headers, recordbatch.Header{Name: header.Name, Value: []byte(header.Value)})
	}
	s := &signalExporter[T]{exporter: e, settings: settings, encoding: encoding, shaper: shaper, items: items}
	if expressions := (express.Expressions{Topic: config.TopicFromOTTL, Key: config.MessageKeyFromOTTL}); expressions != (express.Expressions{}) {
		if s.sorter, err = sorter(set.TelemetrySettings, expressions); err != nil {
			return nil, nil, err
		}
	}
	return e, s, nil
}

// start finds the encoding, which may be an extension, and starts the exporter.
func (s *signalExporter[T]) start(ctx context.Context, host component.Host) error {
	encoding, err := s.encoding(s.exporter.signal.Encoding, host)
	if err != nil {
		return err
	}
	shaper := s.shaper(s.settings, encoding)
	if s.sorter != nil {
		shaper.SortBy(s.sort)
	}
	s.records = shaper.Records
	s.exporter.cut = encoding.Cut
	return s.exporter.start(ctx, host)
}

// sort sorts data by topic and key, and counts what could not be.
func (s *signalExporter[T]) sort(ctx context.Context, data T) []express.Part[T] {
	parts, failures := s.sorter(ctx, data)
	if failures > 0 {
		s.exporter.telemetry.inexpressible(s.settings.Topic, failures)
	}
	return parts
}

// convert makes a request of incoming data, in the goroutine of the caller: so encoding runs in parallel, the queue holds
// bytes whose number is known, and what is taken from the client's metadata outlives it.
func (s *signalExporter[T]) convert(ctx context.Context, data T) (xexporterhelper.Request, error) {
	items := s.items(data)
	records, err := s.records(ctx, data)
	if err != nil {
		s.exporter.telemetry.refused(s.settings.Topic, "not_encodable", items)
		return nil, consumererror.NewPermanent(fmt.Errorf("encode for topic %q: %w", s.settings.Topic, err))
	}
	encoded := 0
	for i := range records {
		encoded += records[i].Items
	}
	if encoded < items {
		// Only the raw encoding leaves something out: log records without a body.
		s.exporter.telemetry.refused(s.settings.Topic, "empty_body", items-encoded)
	}
	return newRequest(records, encoded), nil
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
func (e *kafkaExporter) options(start component.StartFunc) []exporterhelper.Option {
	return []exporterhelper.Option{
		exporterhelper.WithCapabilities(consumer.Capabilities{MutatesData: false}),
		exporterhelper.WithTimeout(e.config.TimeoutSettings),
		exporterhelper.WithRetry(e.config.BackOffConfig),
		xexporterhelper.WithQueueBatch(e.config.QueueBatchConfig, xexporterhelper.QueueBatchSettings{Encoding: requestEncoding{}}),
		exporterhelper.WithStart(start),
		exporterhelper.WithShutdown(e.shutdown),
	}
}
