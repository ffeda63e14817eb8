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
)

// TestATopicThatCannotExistIsNotAskedFor: its name comes from the data. One of 40,000 bytes would end all look-ups for good, for
// the protocol has 15 bits for its length.
func TestATopicThatCannotExistIsNotAskedFor(t *testing.T) {
	asked := make(chan []string, 100)
	e := startAt(t, &memoryBroker{partitions: 1, asked: func(topics []string) { asked <- slices.Clone(topics) }})
	reader := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, reader.Shutdown(context.Background())) })
	var err error
	e.telemetry, err = newTelemetry(reader.NewTelemetrySettings(), componenttest.NewNopHost())
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	long := strings.Repeat("x", 40_000)
	err = e.push(ctx, newRequest([]encode.Record{
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
