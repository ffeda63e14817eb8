// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"errors"
	"fmt"
	"math"
	"net"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/wire"
)

var _ component.Config = (*Config)(nil)

// Config holds the settings of the exporter. Names, and unless the README says otherwise defaults and meanings, are those
// of contrib's kafka exporter.
type Config struct {
	// TimeoutSettings bounds one attempt to deliver a request. An attempt that runs out of time is retried as
	// retry_on_failure says; batches that may have reached a broker stay with the producer meanwhile, so the retry
	// cannot duplicate them.
	TimeoutSettings exporterhelper.TimeoutConfig `mapstructure:",squash"`
	// QueueBatchConfig is the sending queue. Absent means the default queue, `enabled: false` means none.
	QueueBatchConfig configoptional.Optional[exporterhelper.QueueBatchConfig] `mapstructure:"sending_queue"`
	// BackOffConfig says how requests that ran out of time are tried again, and when they are given up.
	BackOffConfig configretry.BackOffConfig `mapstructure:"retry_on_failure"`
	// ClientConfig says where the brokers are and how to talk to them.
	ClientConfig ClientConfig `mapstructure:",squash"`
	// Producer says how record batches are built and acknowledged.
	Producer ProducerConfig `mapstructure:"producer"`

	// Traces, Metrics, Logs and Profiles say where a signal goes and how it is encoded.
	Traces   SignalConfig `mapstructure:"traces"`
	Metrics  SignalConfig `mapstructure:"metrics"`
	Logs     SignalConfig `mapstructure:"logs"`
	Profiles SignalConfig `mapstructure:"profiles"`

	// IncludeMetadataKeys are the keys of the client's metadata whose values become headers of every record. Keys that
	// a request does not have are left out.
	IncludeMetadataKeys []string `mapstructure:"include_metadata_keys"`
	// RecordHeaders are headers of every record, as a map or as a list of name and value; in a list a name may repeat.
	RecordHeaders RecordHeaders `mapstructure:"record_headers"`
	// RiskHeaders adds the headers risk.score and risk.level to records with spans that have these attributes. They are
	// those of the span with the highest score in the record. False adds none.
	RiskHeaders bool `mapstructure:"risk_headers"`
	// TopicFromAttribute names a resource attribute whose value is the topic of the resource's data. Empty means none.
	TopicFromAttribute string `mapstructure:"topic_from_attribute"`

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
	// DeadLetterTopic receives records that are too large for their topic and cannot be cut any more, with headers that say
	// why (dead_letter.reason, .topic, .size, .limit). Empty drops them. Either is counted.
	DeadLetterTopic string `mapstructure:"dead_letter_topic"`
	// RecordPartitioner chooses the partition of a record.
	RecordPartitioner RecordPartitionerConfig `mapstructure:"record_partitioner"`

	_ struct{}
}

// ClientConfig says where the brokers are and how to talk to them.
type ClientConfig struct {
	// Brokers are the addresses (host or host:port, port 9092 if none is given) asked for the rest of the cluster. At least
	// one is needed.
	Brokers []string `mapstructure:"brokers"`
	// ResolveCanonicalBootstrapServersOnly has no effect, here as in contrib's exporter.
	ResolveCanonicalBootstrapServersOnly bool `mapstructure:"resolve_canonical_bootstrap_servers_only"`
	// ProtocolVersion is a release of Kafka (2.1.0, for example) whose requests are not to be exceeded. Empty takes the
	// newest requests that both sides know.
	ProtocolVersion string `mapstructure:"protocol_version"`
	// ClientID is the name given to brokers, which they use in logs, quotas and metrics. Empty sends an empty name.
	ClientID string `mapstructure:"client_id"`
	// Authentication says who we are. Absent means nobody in particular.
	Authentication AuthenticationConfig `mapstructure:"auth"`
	// TLS turns on TLS to all brokers. Absent means plain TCP, unless auth::tls is there.
	TLS configoptional.Optional[configtls.ClientConfig] `mapstructure:"tls"`
	// Metadata says how the cluster's layout is followed.
	Metadata MetadataConfig `mapstructure:"metadata"`
	// RackID is for consumers; it has no effect on a producer, here as in contrib's exporter.
	RackID string `mapstructure:"rack_id"`
	// UseLeaderEpoch is for consumers; it has no effect on a producer, here as in contrib's exporter.
	UseLeaderEpoch bool `mapstructure:"use_leader_epoch"`
	// ConnIdleTimeout is the time after which an unused connection is closed, so that a load balancer between us and
	// the broker does not cut it in a way that costs a retry. Must be positive.
	ConnIdleTimeout time.Duration `mapstructure:"conn_idle_timeout"`

	_ struct{}
}

// MetadataConfig says how the cluster's layout is followed.
type MetadataConfig struct {
	// Full has no effect: only the topics in use are looked up.
	Full bool `mapstructure:"full"`
	// RefreshInterval is the time after which leaders are looked up again although nothing failed. A failure that
	// hints at a moved leader causes a look-up at once. Zero or less means 5 minutes.
	RefreshInterval time.Duration `mapstructure:"refresh_interval"`
	// Retry has no effect, here as in contrib's exporter: look-ups are tried again until they succeed.
	Retry MetadataRetryConfig `mapstructure:"retry"`

	_ struct{}
}

// MetadataRetryConfig is accepted and has no effect.
type MetadataRetryConfig struct {
	// Max has no effect.
	Max int `mapstructure:"max"`
	// Backoff has no effect.
	Backoff time.Duration `mapstructure:"backoff"`

	_ struct{}
}

// Validate reports all faults at once, each with its YAML key and the value found.
func (c *Config) Validate() error {
	return errors.Join(
		c.Traces.validate("traces"),
		c.Metrics.validate("metrics"),
		c.Logs.validate("logs"),
		c.Profiles.validate("profiles"),
		exclusive("partition_traces_by_id", c.PartitionTracesByID,
			"partition_traces_by_resource_attributes", c.PartitionTracesByResourceAttributes),
		exclusive("partition_logs_by_trace_id", c.PartitionLogsByTraceID,
			"partition_logs_by_resource_attributes", c.PartitionLogsByResourceAttributes),
		c.validateKeys(),
		c.validateDeadLetters(),
	)
}

// Validate reports all faults at once, each with its YAML key and the value found.
func (c *ClientConfig) Validate() error {
	errs := []error{validateBrokers(c.Brokers)}
	if c.ProtocolVersion != "" {
		if _, err := wire.ParseRelease(c.ProtocolVersion); err != nil {
			errs = append(errs, fmt.Errorf("`protocol_version` %w", err))
		}
	}
	if c.ConnIdleTimeout <= 0 {
		errs = append(errs, fmt.Errorf("`conn_idle_timeout` must be positive, found %s", c.ConnIdleTimeout))
	}
	if len(c.ClientID) > math.MaxInt16 {
		errs = append(errs, fmt.Errorf("`client_id` must have at most %d bytes, found %d", math.MaxInt16, len(c.ClientID)))
	}
	return errors.Join(errs...)
}

// tls returns the settings of TLS, wherever they are.
func (c *ClientConfig) tls() *configtls.ClientConfig {
	if c.TLS.HasValue() {
		return c.TLS.Get()
	}
	return c.Authentication.TLS.Get()
}

// refreshInterval returns the interval that is in force.
func (c *MetadataConfig) refreshInterval() time.Duration {
	const fallback = 5 * time.Minute
	if c.RefreshInterval <= 0 {
		return fallback
	}
	return c.RefreshInterval
}

func validateBrokers(brokers []string) error {
	if len(brokers) == 0 {
		return errors.New("`brokers` must name at least one broker, found none")
	}
	var errs []error
	for i, broker := range brokers {
		if host, _, err := net.SplitHostPort(withPort(broker)); err != nil || host == "" {
			errs = append(errs, fmt.Errorf("`brokers[%d]` must be host or host:port, found %q", i, broker))
		}
	}
	return errors.Join(errs...)
}

// addresses returns the brokers with their ports.
func (c *ClientConfig) addresses() []string {
	all := make([]string, len(c.Brokers))
	for i, broker := range c.Brokers {
		all[i] = withPort(broker)
	}
	return all
}

// withPort adds Kafka's usual port to an address that has none.
func withPort(broker string) string {
	const usual = "9092"
	if net.ParseIP(broker) != nil {
		return net.JoinHostPort(broker, usual) // among them IPv6 without brackets
	}
	var fault *net.AddrError
	if _, _, err := net.SplitHostPort(broker); errors.As(err, &fault) && fault.Err == "missing port in address" {
		return net.JoinHostPort(strings.Trim(broker, "[]"), usual)
	}
	return broker
}

func exclusive(keyA string, a bool, keyB string, b bool) error {
	if a && b {
		return fmt.Errorf("`%s` and `%s` exclude each other, found both", keyA, keyB)
	}
	return nil
}

// consumers is how many requests the queue delivers at once, 0 without a queue.
func (c *Config) consumers() int {
	if !c.QueueBatchConfig.HasValue() {
		return 0
	}
	return c.QueueBatchConfig.Get().NumConsumers
}
