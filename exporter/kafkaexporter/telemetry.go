// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/kafkaerr"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/metadata"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/producer"
)

// telemetry turns what the producer reports into metrics, component status and log lines. All methods but refused,
// split, inexpressible, buffered and waited are called by the producer's one goroutine.
type telemetry struct {
	metrics *metadata.TelemetryBuilder
	host    component.Host
	logger  *zap.Logger

	// perPartition and perNode keep attribute sets, which cost more than the counting.
	perPartition map[partitionID][]metric.AddOption
	perNode      map[int32]*nodeOptions
	status       componentstatus.Status
}

type partitionID struct {
	topic string
	index int32
}

var _ producer.Observer = (*telemetry)(nil)

func newTelemetry(set component.TelemetrySettings, host component.Host) (*telemetry, error) {
	metrics, err := metadata.NewTelemetryBuilder(set)
	if err != nil {
		return nil, err
	}
	return &telemetry{
		metrics: metrics, host: host, logger: set.Logger, status: componentstatus.StatusOK,
		perPartition: make(map[partitionID][]metric.AddOption), perNode: make(map[int32]*nodeOptions),
	}, nil
}

func (t *telemetry) shutdown() { t.metrics.Shutdown() }

// Delivered counts an acknowledged batch.
func (t *telemetry) Delivered(b *producer.Batch) {
	id := partitionID{b.Topic, b.Partition}
	options, known := t.perPartition[id]
	if !known {
		options = []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(
			attribute.String("topic", b.Topic), attribute.Int("partition", int(b.Partition))))}
		t.perPartition[id] = options
	}
	ctx := context.Background()
	t.metrics.KafkaExporterBatches.Add(ctx, 1, options...)
	t.metrics.KafkaExporterRecords.Add(ctx, int64(b.Records), options...)
	t.metrics.KafkaExporterBytes.Add(ctx, int64(len(b.Bytes)), options...)
	t.metrics.KafkaExporterBytesUncompressed.Add(ctx, int64(b.Plain), options...)
	for _, topic := range b.LettersFrom {
		t.deadLetter(topic, reasonTooLarge)
	}
}

// Retried counts a batch that has to be sent again.
func (t *telemetry) Retried(b *producer.Batch, cause string) {
	t.metrics.KafkaExporterRetries.Add(context.Background(), 1,
		metric.WithAttributes(attribute.String("topic", b.Topic), attribute.String("cause", cause)))
}

// Dropped counts the records of a batch that was given up.
func (t *telemetry) Dropped(b *producer.Batch, reason string) { t.refused(b.Topic, reason, b.Records) }

// refused counts records that were given up. It is safe for concurrent use.
func (t *telemetry) refused(topic, reason string, records int) {
	t.metrics.KafkaExporterDroppedRecords.Add(context.Background(), int64(records),
		metric.WithAttributes(attribute.String("topic", topic), attribute.String("reason", reason)))
}

// split counts a record that was cut. It is safe for concurrent use.
func (t *telemetry) split(topic string) {
	t.metrics.KafkaExporterSplits.Add(context.Background(), 1, metric.WithAttributes(attribute.String("topic", topic)))
}

// deadLetter counts a record that is in the dead-letter topic now.
func (t *telemetry) deadLetter(topic, reason string) {
	t.metrics.KafkaExporterDeadLetters.Add(context.Background(), 1,
		metric.WithAttributes(attribute.String("topic", topic), attribute.String("reason", reason)))
}

// inexpressible counts OTTL expressions that failed for an item. It is safe for concurrent use.
func (t *telemetry) inexpressible(topic string, failures int) {
	t.metrics.KafkaExporterExpressionFailures.Add(context.Background(), int64(failures),
		metric.WithAttributes(attribute.String("topic", topic)))
}

// buffered counts bytes of batches that came (or, if negative, went). It is safe for concurrent use.
func (t *telemetry) buffered(change int) {
	t.metrics.KafkaExporterBufferedBytes.Add(context.Background(), int64(change))
}

// waited counts somebody who has to wait for room. It is safe for concurrent use.
func (t *telemetry) waited() { t.metrics.KafkaExporterBufferWaits.Add(context.Background(), 1) }

// nodeOptions are the attributes of what is measured of a node, as counters and as histograms take them.
type nodeOptions struct {
	add    []metric.AddOption
	record []metric.RecordOption
}

func (t *telemetry) node(id int32) *nodeOptions {
	options, known := t.perNode[id]
	if !known {
		set := metric.WithAttributeSet(attribute.NewSet(attribute.Int("node_id", int(id))))
		options = &nodeOptions{[]metric.AddOption{set}, []metric.RecordOption{set}}
		t.perNode[id] = options
	}
	return options
}

// Requested counts a produce request in.
func (t *telemetry) Requested(node int32) {
	t.metrics.KafkaExporterInFlightRequests.Add(context.Background(), 1, t.node(node).add...)
}

// Answered counts a produce request out; the time of a lost one says nothing about the broker.
func (t *telemetry) Answered(node int32, after time.Duration, lost bool) {
	options := t.node(node)
	t.metrics.KafkaExporterInFlightRequests.Add(context.Background(), -1, options.add...)
	if !lost {
		t.metrics.KafkaExporterWriteLatency.Record(context.Background(), after.Seconds(), options.record...)
	}
}

// Throttled notes a pause that a broker asked for.
func (t *telemetry) Throttled(node int32, pause time.Duration) {
	t.metrics.KafkaBrokerThrottlingLatency.Record(context.Background(), pause.Seconds(), t.node(node).record...)
}

// Connected counts an attempt to connect.
func (t *telemetry) Connected(node int32, err error) {
	t.metrics.KafkaBrokerConnects.Add(context.Background(), 1,
		metric.WithAttributes(attribute.Int("node_id", int(node)), outcome(err)))
}

// Disconnected counts the end of a connection.
func (t *telemetry) Disconnected(node int32) {
	t.metrics.KafkaBrokerClosed.Add(context.Background(), 1, t.node(node).add...)
}

// Refreshed counts a look-up of the layout.
func (t *telemetry) Refreshed(err error) {
	t.metrics.KafkaExporterMetadataRefreshes.Add(context.Background(), 1, metric.WithAttributes(outcome(err)))
}

// Identified counts a producer id.
func (t *telemetry) Identified() { t.metrics.KafkaExporterProducerIds.Add(context.Background(), 1) }

// Bumped counts an epoch.
func (t *telemetry) Bumped(topic string) {
	t.metrics.KafkaExporterEpochBumps.Add(context.Background(), 1, metric.WithAttributes(attribute.String("topic", topic)))
}

func outcome(err error) attribute.KeyValue {
	if err != nil {
		return attribute.String("outcome", "failure")
	}
	return attribute.String("outcome", "success")
}

// Health reports changes of the component's status. A permanent error stays: the Collector knows no way back from it.
func (t *telemetry) Health(err error) {
	status := statusOf(err)
	if status == t.status || t.status == componentstatus.StatusPermanentError {
		return
	}
	t.status = status
	switch status {
	case componentstatus.StatusOK:
		t.logger.Info("Kafka takes data again.")
		componentstatus.ReportStatus(t.host, componentstatus.NewEvent(status))
	case componentstatus.StatusRecoverableError:
		t.logger.Warn("Kafka does not take data at the moment; trying again.", zap.Error(err))
		componentstatus.ReportStatus(t.host, componentstatus.NewRecoverableErrorEvent(err))
	default:
		t.logger.Error("Kafka refuses data for good.", zap.Error(err))
		componentstatus.ReportStatus(t.host, componentstatus.NewPermanentErrorEvent(err))
	}
}

func statusOf(err error) componentstatus.Status {
	if err == nil {
		return componentstatus.StatusOK
	}
	switch kafkaerr.ClassOf(err) {
	case kafkaerr.Unauthorized, kafkaerr.Unauthenticated, kafkaerr.Fenced:
		return componentstatus.StatusPermanentError
	default:
		return componentstatus.StatusRecoverableError
	}
}
