// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"errors"
	"fmt"
	"math"
	"time"

	"go.opentelemetry.io/collector/config/configcompression"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/recordbatch"
)

// ProducerConfig says how record batches are built and acknowledged.
type ProducerConfig struct {
	// MaxMessageBytes bounds a record batch before compression, in bytes. A single record that is larger is dropped
	// and counted. Must be positive, and not above the topic's max.message.bytes unless compression helps.
	MaxMessageBytes int `mapstructure:"max_message_bytes"`
	// MaxBrokerWriteBytes bounds one produce request, which carries the batches of several partitions, in bytes. Must
	// not be below max_message_bytes.
	MaxBrokerWriteBytes int `mapstructure:"max_broker_write_bytes"`
	// RequiredAcks is who must have a batch before it counts as delivered: -1 or all (all in-sync replicas, the
	// default), 1 (the leader), 0 (nobody).
	RequiredAcks RequiredAcks `mapstructure:"required_acks"`
	// Delivery is the guarantee. Empty follows from required_acks: all is idempotent, 1 is at_least_once, 0 is
	// at_most_once. Any other combination is refused.
	Delivery Delivery `mapstructure:"delivery"`
	// Compression of record batches: none, gzip, snappy, lz4 or zstd. Empty is refused.
	Compression string `mapstructure:"compression"`
	// CompressionParams holds the level for gzip and zstd. Zero and -1 are the codec's default level, for zstd 1. Without compression
	// it has no effect.
	CompressionParams configcompression.CompressionParams `mapstructure:"compression_params"`
	// FlushMaxMessages bounds the records of one batch. Must be positive.
	FlushMaxMessages int `mapstructure:"flush_max_messages"`
	// AllowAutoTopicCreation asks the broker to create a topic that does not exist, which it does if its own
	// auto.create.topics.enable agrees. False waits for somebody else to create it.
	AllowAutoTopicCreation bool `mapstructure:"allow_auto_topic_creation"`
	// Linger is how long a small request (below 32 KiB and an eighth of max_message_bytes) waits for others, to share a
	// batch with them. It does not wait when every consumer of the sending queue already has a request. Zero sends every
	// request by itself. Must not be negative.
	Linger time.Duration `mapstructure:"linger"`
	// MaxBufferedBytes bounds the batches that are being encoded or wait for brokers, together, in bytes of batches as they are
	// sent. What has no room waits, for as long as one attempt may take, and the sending queue behind it fills. A request that
	// is larger alone is let in when nothing else is there. 0 is no limit. Must not be negative.
	MaxBufferedBytes int `mapstructure:"max_buffered_bytes"`

	_ struct{}
}

// Delivery is a delivery guarantee, valid while the process lives.
type Delivery string

const (
	// DeliveryIdempotent delivers every record exactly once per partition log and in order.
	DeliveryIdempotent Delivery = "idempotent"
	// DeliveryAtLeastOnce repeats a batch whose outcome is unknown, so it may be in the log twice.
	DeliveryAtLeastOnce Delivery = "at_least_once"
	// DeliveryAtMostOnce drops a batch whose outcome is unknown.
	DeliveryAtMostOnce Delivery = "at_most_once"
)

// RequiredAcks is the acks field of a produce request.
type RequiredAcks int16

const (
	// AcksAll waits for all in-sync replicas.
	AcksAll RequiredAcks = -1
	// AcksLeader waits for the partition's leader.
	AcksLeader RequiredAcks = 1
	// AcksNone does not wait.
	AcksNone RequiredAcks = 0
)

// UnmarshalText reads all, -1, 0 or 1; numbers written without quotes do not pass here but arrive as numbers.
func (r *RequiredAcks) UnmarshalText(text []byte) error {
	switch string(text) {
	case "all", "-1":
		*r = AcksAll
	case "1":
		*r = AcksLeader
	case "0":
		*r = AcksNone
	default:
		return fmt.Errorf("`required_acks` must be all, -1, 0 or 1, found %q", text)
	}
	return nil
}

// delivery resolves an empty setting; the answer is right only after Validate.
func (c *ProducerConfig) delivery() Delivery {
	if c.Delivery != "" {
		return c.Delivery
	}
	switch c.RequiredAcks {
	case AcksNone:
		return DeliveryAtMostOnce
	case AcksLeader:
		return DeliveryAtLeastOnce
	default:
		return DeliveryIdempotent
	}
}

// Validate reports all faults at once, each with its YAML key below `producer` and the value found.
func (c *ProducerConfig) Validate() error {
	errs := []error{c.validateDelivery(), c.validateCompression()}
	if c.MaxMessageBytes <= 0 || c.MaxMessageBytes > math.MaxInt32 {
		errs = append(errs, fmt.Errorf("`max_message_bytes` must be 1 to %d, found %d", math.MaxInt32, c.MaxMessageBytes))
	}
	if c.MaxBrokerWriteBytes < c.MaxMessageBytes || c.MaxBrokerWriteBytes > math.MaxInt32 {
		errs = append(errs, fmt.Errorf("`max_broker_write_bytes` must be `max_message_bytes` (%d) to %d, found %d",
			c.MaxMessageBytes, math.MaxInt32, c.MaxBrokerWriteBytes))
	}
	if c.FlushMaxMessages <= 0 {
		errs = append(errs, fmt.Errorf("`flush_max_messages` must be positive, found %d", c.FlushMaxMessages))
	}
	if c.Linger < 0 {
		errs = append(errs, fmt.Errorf("`linger` must not be negative, found %s", c.Linger))
	}
	if c.MaxBufferedBytes < 0 {
		errs = append(errs, fmt.Errorf("`max_buffered_bytes` must not be negative, found %d", c.MaxBufferedBytes))
	}
	return errors.Join(errs...)
}

func (c *ProducerConfig) validateDelivery() error {
	if c.RequiredAcks < AcksAll || c.RequiredAcks > AcksLeader {
		return fmt.Errorf("`required_acks` must be all, -1, 0 or 1, found %d", c.RequiredAcks)
	}
	var fits bool
	switch c.delivery() {
	case DeliveryIdempotent:
		fits = c.RequiredAcks == AcksAll
	case DeliveryAtLeastOnce:
		fits = c.RequiredAcks != AcksNone
	case DeliveryAtMostOnce:
		fits = c.RequiredAcks == AcksNone
	default:
		return fmt.Errorf("`delivery` must be %q, %q or %q, found %q",
			DeliveryIdempotent, DeliveryAtLeastOnce, DeliveryAtMostOnce, c.Delivery)
	}
	if !fits {
		return fmt.Errorf("`delivery` %q does not go with `required_acks` %d (idempotent needs all, at_least_once all or 1, at_most_once 0)",
			c.Delivery, c.RequiredAcks)
	}
	return nil
}

func (c *ProducerConfig) validateCompression() error {
	codec, err := recordbatch.ParseCodec(c.Compression)
	if err != nil {
		return fmt.Errorf("`compression` %w", err)
	}
	if _, err := recordbatch.NewCompressor(codec, c.level(codec)); err != nil {
		return fmt.Errorf("`compression_params::level` %w", err)
	}
	return nil
}

// level returns the level for a codec, 0 for its default.
func (c *ProducerConfig) level(codec recordbatch.Codec) int {
	level := int(c.CompressionParams.Level)
	if codec == recordbatch.None || level == int(configcompression.DefaultCompressionLevel) {
		return 0
	}
	return level
}
