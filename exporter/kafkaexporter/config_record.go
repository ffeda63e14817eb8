// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"errors"
	"fmt"
	"slices"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/confmap"
)

// SignalConfig says where a signal goes and how it is encoded.
type SignalConfig struct {
	// Topic receives the records for which nothing below names another. Empty is refused.
	Topic string `mapstructure:"topic"`
	// TopicFromMetadataKey names a key of the client's metadata whose first value is the topic. It takes precedence over
	// topic_from_attribute. Empty means none.
	TopicFromMetadataKey string `mapstructure:"topic_from_metadata_key"`
	// MessageKeyFromMetadataKey names a key of the client's metadata whose first value is the key of all records. Excludes
	// the partition_ settings of the signal. Empty means none.
	MessageKeyFromMetadataKey string `mapstructure:"message_key_from_metadata_key"`
	// MessageKeyFromAttribute names a resource attribute whose value is the key of the resource's records. Excludes the
	// partition_ settings of the signal. Empty means none.
	MessageKeyFromAttribute string `mapstructure:"message_key_from_attribute"`
	// TopicFromOTTL is an OTTL expression whose value for a span, log record or metric is its topic. It comes after
	// topic_from_metadata_key and before topic_from_attribute. Not for profiles. Empty means none.
	TopicFromOTTL string `mapstructure:"topic_from_ottl"`
	// MessageKeyFromOTTL is an OTTL expression whose value for a span, log record or metric is the key of its record.
	// Excludes the signal's other sources of keys. Not for profiles. Empty means none.
	MessageKeyFromOTTL string `mapstructure:"message_key_from_ottl"`
	// Encoding of a record's value: a name of the README's list, or the id of an encoding extension. Empty is refused.
	Encoding string `mapstructure:"encoding"`

	_ struct{}
}

func (s *SignalConfig) validate(signal string) error {
	var errs []error
	if err := validateTopic(s.Topic); err != nil {
		errs = append(errs, fmt.Errorf("`%s::topic` %w", signal, err))
	}
	// Whether it is a name or an extension of the collector's is known when the exporter starts.
	if err := new(component.ID).UnmarshalText([]byte(s.Encoding)); err != nil {
		errs = append(errs, fmt.Errorf("`%s::encoding` must be the name of an encoding or the id of an extension, found %q", signal, s.Encoding))
	}
	return errors.Join(errs...)
}

// validateTopic applies Kafka's rule for topic names (org.apache.kafka.common.internals.Topic). Errors quote the beginning of a
// name only: it may come from the data.
func validateTopic(topic string) error {
	const maxLength = 249
	if topic == "" || len(topic) > maxLength || topic == "." || topic == ".." {
		return fmt.Errorf("must be 1 to %d characters and neither \".\" nor \"..\", found %.250q", maxLength, topic)
	}
	for _, c := range []byte(topic) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '.' && c != '_' && c != '-' {
			return fmt.Errorf("may contain letters, digits, '.', '_' and '-' only, found %.250q", topic)
		}
	}
	return nil
}

// RecordHeaders are headers of every record. Their values cannot be printed.
type RecordHeaders []configopaque.Pair

// Unmarshal reads a map of names to values, or a list of pairs of `name` and `value` in which a name may repeat.
func (h *RecordHeaders) Unmarshal(conf *confmap.Conf) error {
	return (*configopaque.MapList)(h).Unmarshal(conf)
}

// validateKeys refuses two sources of one key.
func (c *Config) validateKeys() error {
	var errs []error
	for _, signal := range []struct {
		name       string
		config     *SignalConfig
		partitions map[string]bool
	}{
		{"traces", &c.Traces, map[string]bool{
			"partition_traces_by_id": c.PartitionTracesByID, "partition_traces_by_resource_attributes": c.PartitionTracesByResourceAttributes,
		}},
		{"metrics", &c.Metrics, map[string]bool{"partition_metrics_by_resource_attributes": c.PartitionMetricsByResourceAttributes}},
		{"logs", &c.Logs, map[string]bool{
			"partition_logs_by_resource_attributes": c.PartitionLogsByResourceAttributes, "partition_logs_by_trace_id": c.PartitionLogsByTraceID,
		}},
	} {
		expressed, ottl := signal.config.MessageKeyFromOTTL != "", signal.name+"::message_key_from_ottl"
		errs = append(errs,
			exclusive(ottl, expressed, signal.name+"::message_key_from_metadata_key", signal.config.MessageKeyFromMetadataKey != ""),
			exclusive(ottl, expressed, signal.name+"::message_key_from_attribute", signal.config.MessageKeyFromAttribute != ""))
		for setting, used := range signal.partitions {
			errs = append(errs,
				exclusive(ottl, expressed, setting, used),
				exclusive(signal.name+"::message_key_from_metadata_key", signal.config.MessageKeyFromMetadataKey != "", setting, used),
				exclusive(signal.name+"::message_key_from_attribute", signal.config.MessageKeyFromAttribute != "", setting, used))
		}
	}
	for setting, text := range map[string]string{"topic_from_ottl": c.Profiles.TopicFromOTTL, "message_key_from_ottl": c.Profiles.MessageKeyFromOTTL} {
		if text != "" {
			errs = append(errs, fmt.Errorf("`profiles::%s` must be empty, found %q: OTTL is for traces, metrics and logs here", setting, text))
		}
	}
	return errors.Join(errs...)
}

func (c *Config) validateDeadLetters() error {
	if c.DeadLetterTopic == "" {
		return nil
	}
	if err := validateTopic(c.DeadLetterTopic); err != nil {
		return fmt.Errorf("`dead_letter_topic` %w", err)
	}
	return nil
}

// RecordPartitionerConfig chooses the partition of a record. Exactly one field is set.
type RecordPartitionerConfig struct {
	// StickyKey sends records of one key to one partition, and those without a key of one request to one partition that
	// changes with each request. It is the default.
	StickyKey *StickyKeyPartitionerConfig `mapstructure:"sticky_key"`
	// RoundRobin gives each record the next partition, whatever its key.
	RoundRobin *struct{} `mapstructure:"round_robin"`
	// LeastBackup gives the records of a request the partition with the fewest records under way, whatever their keys.
	LeastBackup *struct{} `mapstructure:"least_backup"`
	// Extension is the id of an extension that chooses partitions.
	Extension *component.ID `mapstructure:"extension"`

	_ struct{}
}

// StickyKeyPartitionerConfig says how a key becomes a partition.
type StickyKeyPartitionerConfig struct {
	// Hasher is sarama_compat (FNV-1a as in Sarama, the default) or murmur2 (as in Java's producer).
	Hasher string `mapstructure:"hasher"`

	_ struct{}
}

const (
	hasherSarama  = "sarama_compat"
	hasherMurmur2 = "murmur2"
)

// Unmarshal lets a section that is there replace the default instead of adding to it.
func (c *RecordPartitionerConfig) Unmarshal(conf *confmap.Conf) error {
	if len(conf.ToStringMap()) == 0 {
		return nil
	}
	*c = RecordPartitionerConfig{}
	return conf.Unmarshal(c)
}

// Validate reports all faults at once, each with its YAML key below `record_partitioner` and the value found.
func (c *RecordPartitionerConfig) Validate() error {
	var found []string
	for name, set := range map[string]bool{
		"sticky_key": c.StickyKey != nil, "round_robin": c.RoundRobin != nil,
		"least_backup": c.LeastBackup != nil, "extension": c.Extension != nil,
	} {
		if set {
			found = append(found, name)
		}
	}
	if len(found) != 1 {
		slices.Sort(found)
		return fmt.Errorf("must have one of `sticky_key`, `round_robin`, `least_backup` and `extension`, found %q", found)
	}
	if s := c.StickyKey; s != nil && s.Hasher != hasherSarama && s.Hasher != hasherMurmur2 {
		return fmt.Errorf("`sticky_key::hasher` must be %q or %q, found %q", hasherSarama, hasherMurmur2, s.Hasher)
	}
	return nil
}
