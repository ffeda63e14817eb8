// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"errors"
	"fmt"
	"math"
	"net"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
)

var _ component.Config = (*Config)(nil)

// Config holds the settings of the exporter. Names, and unless the README says otherwise meanings, are those of
// contrib's kafka exporter.
type Config struct {
	// TimeoutSettings bounds one attempt to deliver a request. An attempt that runs out of time is retried as
	// retry_on_failure says; batches that may have reached a broker stay with the producer meanwhile, so the retry
	// cannot duplicate them.
	TimeoutSettings exporterhelper.TimeoutConfig `mapstructure:",squash"`
	// QueueBatchConfig is the sending queue. Absent means the default queue, `enabled: false` means none.
	QueueBatchConfig configoptional.Optional[exporterhelper.QueueBatchConfig] `mapstructure:"sending_queue"`
	// BackOffConfig says how requests that ran out of time are tried again, and when they are given up.
	BackOffConfig configretry.BackOffConfig `mapstructure:"retry_on_failure"`

	// Brokers are the addresses (host:port) asked for the rest of the cluster. At least one is needed.
	Brokers []string `mapstructure:"brokers"`
	// ClientID is the name given to brokers, which they use in logs, quotas and metrics. Empty sends an empty name.
	ClientID string `mapstructure:"client_id"`
	// TLS turns on TLS to all brokers. Absent means plain TCP.
	TLS configoptional.Optional[configtls.ClientConfig] `mapstructure:"tls"`
	// Metadata says how the cluster's layout is followed.
	Metadata MetadataConfig `mapstructure:"metadata"`
	// ConnIdleTimeout is the time after which an unused connection is closed, so that a load balancer between us and
	// the broker does not cut it in a way that costs a retry. Must be positive.
	ConnIdleTimeout time.Duration `mapstructure:"conn_idle_timeout"`
	// Producer says how record batches are built and acknowledged.
	Producer ProducerConfig `mapstructure:"producer"`

	// Traces, Metrics and Logs say where a signal goes and how it is encoded.
	Traces  SignalConfig `mapstructure:"traces"`
	Metrics SignalConfig `mapstructure:"metrics"`
	Logs    SignalConfig `mapstructure:"logs"`

	// PartitionTracesByID makes one record of each trace in a request, keyed by the hexadecimal trace id, so that all
	// spans of a trace reach the same partition. False keeps a request in one record without a key.
	PartitionTracesByID bool `mapstructure:"partition_traces_by_id"`
	// PartitionTracesByResourceAttributes makes one record of each resource, keyed by a hash of its attributes.
	// Excludes partition_traces_by_id. False does not.
	PartitionTracesByResourceAttributes bool `mapstructure:"partition_traces_by_resource_attributes"`
	// PartitionMetricsByResourceAttributes is the same for metrics.
	PartitionMetricsByResourceAttributes bool `mapstructure:"partition_metrics_by_resource_attributes"`
	// PartitionLogsByResourceAttributes is the same for logs.
	PartitionLogsByResourceAttributes bool `mapstructure:"partition_logs_by_resource_attributes"`
	// PartitionLogsByTraceID makes one record of the log records of each trace, keyed by the hexadecimal trace id.
	// Excludes partition_logs_by_resource_attributes. False does not.
	PartitionLogsByTraceID bool `mapstructure:"partition_logs_by_trace_id"`

	_ struct{}
}

// SignalConfig says where a signal goes and how it is encoded.
type SignalConfig struct {
	// Topic receives the records. Empty is refused.
	Topic string `mapstructure:"topic"`
	// Encoding of a record's value: otlp_proto or otlp_json. Empty is refused.
	Encoding string `mapstructure:"encoding"`

	_ struct{}
}

// MetadataConfig says how the cluster's layout is followed.
type MetadataConfig struct {
	// RefreshInterval is the time after which leaders are looked up again although nothing failed. A failure that
	// hints at a moved leader causes a look-up at once. Must be positive.
	RefreshInterval time.Duration `mapstructure:"refresh_interval"`

	_ struct{}
}

// Validate reports all faults at once, each with its YAML key and the value found.
func (c *Config) Validate() error {
	errs := []error{
		validateBrokers(c.Brokers),
		c.Traces.validate("traces"),
		c.Metrics.validate("metrics"),
		c.Logs.validate("logs"),
		exclusive("partition_traces_by_id", c.PartitionTracesByID,
			"partition_traces_by_resource_attributes", c.PartitionTracesByResourceAttributes),
		exclusive("partition_logs_by_trace_id", c.PartitionLogsByTraceID,
			"partition_logs_by_resource_attributes", c.PartitionLogsByResourceAttributes),
	}
	if c.ConnIdleTimeout <= 0 {
		errs = append(errs, fmt.Errorf("`conn_idle_timeout` must be positive, found %s", c.ConnIdleTimeout))
	}
	if c.Metadata.RefreshInterval <= 0 {
		errs = append(errs, fmt.Errorf("`metadata::refresh_interval` must be positive, found %s", c.Metadata.RefreshInterval))
	}
	if len(c.ClientID) > math.MaxInt16 {
		errs = append(errs, fmt.Errorf("`client_id` must have at most %d bytes, found %d", math.MaxInt16, len(c.ClientID)))
	}
	return errors.Join(errs...)
}

func (s *SignalConfig) validate(signal string) error {
	var errs []error
	switch err := validateTopic(s.Topic); {
	case err != nil:
		errs = append(errs, fmt.Errorf("`%s::topic` %w", signal, err))
	}
	if s.Encoding != encodingProto && s.Encoding != encodingJSON {
		errs = append(errs, fmt.Errorf("`%s::encoding` must be %q or %q, found %q", signal, encodingProto, encodingJSON, s.Encoding))
	}
	return errors.Join(errs...)
}

// validateTopic applies Kafka's rule for topic names (org.apache.kafka.common.internals.Topic).
func validateTopic(topic string) error {
	const maxLength = 249
	if topic == "" || len(topic) > maxLength || topic == "." || topic == ".." {
		return fmt.Errorf("must be 1 to %d characters and neither \".\" nor \"..\", found %q", maxLength, topic)
	}
	for _, c := range []byte(topic) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '.' && c != '_' && c != '-' {
			return fmt.Errorf("may contain letters, digits, '.', '_' and '-' only, found %q", topic)
		}
	}
	return nil
}

func validateBrokers(brokers []string) error {
	if len(brokers) == 0 {
		return errors.New("`brokers` must name at least one broker, found none")
	}
	var errs []error
	for i, broker := range brokers {
		if _, _, err := net.SplitHostPort(broker); err != nil {
			errs = append(errs, fmt.Errorf("`brokers[%d]` must be host:port, found %q", i, broker))
		}
	}
	return errors.Join(errs...)
}

func exclusive(keyA string, a bool, keyB string, b bool) error {
	if a && b {
		return fmt.Errorf("`%s` and `%s` exclude each other, found both", keyA, keyB)
	}
	return nil
}
