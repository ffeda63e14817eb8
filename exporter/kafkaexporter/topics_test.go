// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/metadatatest"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/recordbatch"
)

// TestATopicThatCannotExistIsNotAskedFor: its name comes from the data. One of 40,000 bytes would end all look-ups for good, for
// the protocol has 15 bits for its length.
func TestATopicThatCannotExistIsNotAskedFor(t *testing.T) {
	asked := make(chan []string, 100)
	reader := newReader(t)
	e := startAt(t, &memoryBroker{partitions: 1, asked: func(topics []string) { asked <- slices.Clone(topics) }}, reader.NewTelemetrySettings())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	long := strings.Repeat("x", 40_000)
	err := e.push(ctx, newRequest([]encode.Record{
		{Topic: long, Value: []byte("1")}, {Topic: e.signal.Topic, Value: []byte("2")}, {Topic: "no/topic", Value: []byte("3")}, {Topic: long, Value: []byte("4")},
	}, 4))
	require.True(t, consumererror.IsPermanent(err))
	require.ErrorContains(t, err, "may contain letters, digits, '.', '_' and '-' only, found \"no/topic\"")
	require.Less(t, len(err.Error()), 1000)
	metadatatest.AssertEqualKafkaExporterDroppedRecords(t, reader, []metricdata.DataPoint[int64]{{
		Attributes: attribute.NewSet(attribute.String("topic", e.signal.Topic), attribute.String("reason", "topic_refused")), Value: 3,
	}}, metricdatatest.IgnoreTimestamp())
	for len(asked) > 0 {
		assert.Equal(t, []string{e.signal.Topic}, <-asked)
	}
}

// TestRecordsOfAPartitionThatIsGoneFindAnother: their batches were made when the topic had more partitions, none of which had a
// leader.
func TestRecordsOfAPartitionThatIsGoneFindAnother(t *testing.T) {
	for name, linger := range map[string]time.Duration{"alone": 0, "in a lot": time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			made, reader := make(chan struct{}), newReader(t)
			e := startAt(t, &memoryBroker{leaders: func() []int32 {
				select {
				case <-made:
					return []int32{1}
				default:
					return []int32{-1, -1, -1, -1}
				}
			}}, reader.NewTelemetrySettings())
			e.lots.linger = linger
			_, err := e.producer.Leaders(t.Context(), e.signal.Topic)
			require.NoError(t, err)
			var records []encode.Record
			for i := range 20 {
				records = append(records, encode.Record{
					Topic: e.signal.Topic, Key: []byte{byte(i)}, Value: []byte("value"), Headers: []recordbatch.Header{{Name: "a", Value: []byte("1")}},
				})
			}
			req := newRequest(records, len(records))
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			require.ErrorIs(t, e.push(ctx, req), context.DeadlineExceeded)
			cancel()
			close(made)
			ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			require.NoError(t, e.push(ctx, req))
			assert.Zero(t, e.budget.used)
			metadatatest.AssertEqualKafkaExporterRecords(t, reader, []metricdata.DataPoint[int64]{{
				Attributes: attribute.NewSet(attribute.String("topic", e.signal.Topic), attribute.Int("partition", 0)), Value: 20,
			}}, metricdatatest.IgnoreTimestamp())
		})
	}
}

func newReader(t *testing.T) *componenttest.Telemetry {
	t.Helper()
	reader := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, reader.Shutdown(context.Background())) })
	return reader
}
