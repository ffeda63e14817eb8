// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/xexporter"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/metadata"
)

const (
	defaultMaxMessageBytes     = 1_000_000
	defaultMaxBrokerWriteBytes = 100 << 20
	defaultFlushMaxMessages    = 10_000
	defaultMaxBufferedBytes    = 256 << 20
)

// NewFactory returns the factory of the exporter; its component type is kafka.
func NewFactory() exporter.Factory {
	return NewFactoryOfType(metadata.Type)
}

// NewFactoryOfType returns the factory under another component type, for distributions in which kafka is taken.
func NewFactoryOfType(kind component.Type) exporter.Factory {
	return xexporter.NewFactory(
		kind,
		createDefaultConfig,
		xexporter.WithTraces(createTraces, metadata.TracesStability),
		xexporter.WithMetrics(createMetrics, metadata.MetricsStability),
		xexporter.WithLogs(createLogs, metadata.LogsStability),
		xexporter.WithProfiles(createProfiles, metadata.ProfilesStability),
	)
}

// createDefaultConfig is the only place where defaults are.
func createDefaultConfig() component.Config {
	return &Config{
		TimeoutSettings:  exporterhelper.NewDefaultTimeoutConfig(),
		QueueBatchConfig: configoptional.Some(exporterhelper.NewDefaultQueueConfig()),
		BackOffConfig:    configretry.NewDefaultBackOffConfig(),
		ClientConfig: ClientConfig{
			Brokers:  []string{"localhost:9092"},
			ClientID: "otel-collector",
			Metadata: MetadataConfig{
				Full: true, RefreshInterval: 10 * time.Minute,
				Retry: MetadataRetryConfig{Max: 3, Backoff: 250 * time.Millisecond},
			},
			UseLeaderEpoch:  true,
			ConnIdleTimeout: 9 * time.Minute,
		},
		Producer: ProducerConfig{
			MaxMessageBytes:        defaultMaxMessageBytes,
			MaxBrokerWriteBytes:    defaultMaxBrokerWriteBytes,
			RequiredAcks:           AcksAll,
			Compression:            "none",
			FlushMaxMessages:       defaultFlushMaxMessages,
			AllowAutoTopicCreation: true,
			Linger:                 10 * time.Millisecond,
			MaxBufferedBytes:       defaultMaxBufferedBytes,
		},
		Traces:            SignalConfig{Topic: "otlp_spans", Encoding: encodingProto},
		Metrics:           SignalConfig{Topic: "otlp_metrics", Encoding: encodingProto},
		Logs:              SignalConfig{Topic: "otlp_logs", Encoding: encodingProto},
		Profiles:          SignalConfig{Topic: "otlp_profiles", Encoding: encodingProto},
		RecordPartitioner: RecordPartitionerConfig{StickyKey: &StickyKeyPartitionerConfig{Hasher: hasherSarama}},
	}
}
