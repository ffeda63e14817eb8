// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package operation

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func measuredHost(t *testing.T) *host {
	t.Helper()
	h := newHost()
	h.telemetry = componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, h.telemetry.Shutdown(context.Background())) })
	return h
}

// sum returns the present value of a metric without attributes, 0 if it was never counted.
func (h *host) sum(t *testing.T, name string) int64 {
	t.Helper()
	metric, err := h.telemetry.GetMetric(name)
	if err != nil {
		return 0
	}
	sum, ok := metric.Data.(metricdata.Sum[int64])
	require.True(t, ok)
	require.Len(t, sum.DataPoints, 1)
	return sum.DataPoints[0].Value
}

// bulky makes a line of that size.
func bulky(size int) plog.Logs {
	ld := lines(1)
	ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().SetStr(strings.Repeat("x", size))
	return ld
}

// slowCluster keeps every produce request until release is called, and tells the most bytes of batches that waited at once.
func slowCluster(t *testing.T, options ...kfake.Opt) (cluster *kfake.Cluster, waiting func() int64, release func()) {
	t.Helper()
	cluster = startCluster(t, options...)
	var bytes atomic.Int64
	released := make(chan struct{})
	cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		for _, topic := range r.(*kmsg.ProduceRequest).Topics {
			for _, p := range topic.Partitions {
				bytes.Add(int64(len(p.Records)))
			}
		}
		cluster.SleepControl(func() { <-released })
		return nil, nil, false
	})
	release = sync.OnceFunc(func() { close(released) })
	t.Cleanup(release)
	return cluster, bytes.Load, release
}

// TestBatchesHoldNoMoreThanTheyMay while a broker takes its time, whoever waits goes on afterwards, and whoever gives up is
// let go.
func TestBatchesHoldNoMoreThanTheyMay(t *testing.T) {
	const limit, size, senders = 100_000, 30_000, 12
	cluster, waiting, release := slowCluster(t, kfake.SeedTopics(4, "wide"))
	h := measuredHost(t)
	e, _ := start(t, cluster.ListenAddrs(), settings{
		"timeout": "60s", "logs": map[string]any{"topic": "wide"},
		"producer": map[string]any{"max_buffered_bytes": limit, "linger": "0s"},
	}, h)
	var sending sync.WaitGroup
	for range senders {
		sending.Go(func() { assert.NoError(t, e.ConsumeLogs(t.Context(), bulky(size))) })
	}
	require.Eventually(t, func() bool { return waiting() > 0 }, 30*time.Second, time.Millisecond)
	require.Eventually(t, func() bool { return h.sum(t, "otelcol_kafka_exporter_buffered_bytes") >= limit-size }, 30*time.Second, time.Millisecond)
	require.Eventually(t, func() bool { return h.sum(t, "otelcol_kafka_exporter_buffer_waits") == senders-limit/size }, 30*time.Second, time.Millisecond)
	require.LessOrEqual(t, h.sum(t, "otelcol_kafka_exporter_buffered_bytes"), int64(limit))
	require.LessOrEqual(t, waiting(), int64(limit))

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := e.ConsumeLogs(ctx, bulky(size))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "max_buffered_bytes")

	release()
	sending.Wait()
	require.Eventually(t, func() bool { return h.sum(t, "otelcol_kafka_exporter_buffered_bytes") == 0 }, 30*time.Second, time.Millisecond)
	arrived := int64(0)
	for _, p := range cluster.PartitionInfos("wide") {
		arrived += p.HighWatermark
	}
	require.Equal(t, int64(senders), arrived)
}

// TestWhatNobodyAsksForAnyMoreGivesItsRoomBack once its fate is known: it was sent, so it is not given up.
func TestWhatNobodyAsksForAnyMoreGivesItsRoomBack(t *testing.T) {
	cluster, waiting, release := slowCluster(t)
	h := measuredHost(t)
	e, _ := start(t, cluster.ListenAddrs(), settings{
		"timeout": "200ms", "producer": map[string]any{"max_buffered_bytes": 100_000},
	}, h)
	require.Eventually(t, func() bool {
		require.Error(t, e.ConsumeLogs(t.Context(), bulky(60_000)))
		return waiting() > 0
	}, 30*time.Second, time.Millisecond)
	require.ErrorContains(t, e.ConsumeLogs(t.Context(), bulky(60_000)), "max_buffered_bytes")
	require.Greater(t, h.sum(t, "otelcol_kafka_exporter_buffered_bytes"), int64(60_000))
	release()
	require.Eventually(t, func() bool { return h.sum(t, "otelcol_kafka_exporter_buffered_bytes") == 0 }, 30*time.Second, time.Millisecond)
	require.NoError(t, e.ConsumeLogs(t.Context(), bulky(60_000)))
}
