// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
)

// TestLeastBackupForgetsWhatWasGivenUp: requests to a topic without leaders run out of time, and nobody tries again. They are no
// reason to pass over their partition from then on.
func TestLeastBackupForgetsWhatWasGivenUp(t *testing.T) {
	there, reader := make(chan struct{}), newReader(t)
	e := startAt(t, &memoryBroker{leaders: func() []int32 {
		select {
		case <-there:
			return []int32{1, 1}
		default:
			return []int32{-1, -1}
		}
	}}, reader.NewTelemetrySettings())
	e.partitioner, e.lots.linger = &leastBackup{}, 0
	_, err := e.producer.Leaders(t.Context(), e.signal.Topic)
	require.NoError(t, err)
	send := func(records int, timeout time.Duration) error {
		req := newRequest(make([]encode.Record, records), records)
		for i := range req.records {
			req.records[i] = encode.Record{Topic: e.signal.Topic, Value: []byte("value")}
		}
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		defer cancel()
		return e.push(ctx, req)
	}
	require.ErrorIs(t, send(1000, 20*time.Millisecond), context.DeadlineExceeded)
	close(there)
	for range 20 {
		require.NoError(t, send(1, time.Minute))
	}
	records, err := reader.GetMetric("otelcol_kafka_exporter_records")
	require.NoError(t, err)
	perPartition := records.Data.(metricdata.Sum[int64]).DataPoints
	require.Len(t, perPartition, 2, "a partition is passed over")
	for _, point := range perPartition {
		assert.GreaterOrEqual(t, point.Value, int64(8))
	}
}
