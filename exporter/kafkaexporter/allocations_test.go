// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/cluster"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/metadata"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/producer"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/wire"
)

// startInMemory starts an exporter of logs to a topic of so many partitions at a broker in memory.
func startInMemory(tb testing.TB, partitions int) *kafkaExporter {
	tb.Helper()
	return startAt(tb, &memoryBroker{partitions: partitions}, componenttest.NewNopTelemetrySettings())
}

// startAt starts an exporter of logs at a broker in memory, which has their topic.
func startAt(tb testing.TB, broker *memoryBroker, set component.TelemetrySettings) *kafkaExporter {
	tb.Helper()
	cfg, ok := createDefaultConfig().(*Config)
	require.True(tb, ok)
	e, err := newExporter(exportertest.NewNopSettings(metadata.Type), cfg, cfg.Logs)
	require.NoError(tb, err)
	e.telemetry, err = newTelemetry(set, componenttest.NewNopHost())
	require.NoError(tb, err)
	broker.topic = cfg.Logs.Topic
	e.limits = newLimits(e.askLimit, time.Hour, time.Now)
	dialer := &wire.Dialer{ClientID: "allocations", DialContext: broker.DialContext}
	settings := e.producerSettings(dialer)
	settings.Cluster = cluster.New([]string{"memory:1"}, func(context.Context, string) (cluster.Control, error) { return broker, nil })
	e.producer = producer.Start(settings, cfg.Logs.Topic)
	tb.Cleanup(func() { require.NoError(tb, e.shutdown(context.Background())) })
	return e
}

// lines makes log records of several resources and traces.
func lines(count int) plog.Logs {
	const resources, traces = 4, 64
	ld := plog.NewLogs()
	for r := range resources {
		records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
		for i := range count / resources {
			record := records.AppendEmpty()
			record.Body().SetStr("a line that says what happened, as lines do")
			record.Attributes().PutInt("number", int64(r))
			var id pcommon.TraceID
			binary.BigEndian.PutUint64(id[:], uint64(1+i%traces)*0x9e3779b97f4a7c15)
			record.SetTraceID(id)
		}
	}
	return ld
}

// delivery encodes and delivers the same data again and again.
func delivery(tb testing.TB, e *kafkaExporter, ld plog.Logs, keying encode.Keying) func() {
	tb.Helper()
	encoder := encode.Encoder{Keying: keying, Memory: new(encode.Memory)}
	return func() {
		records, err := encoder.Logs(ld)
		require.NoError(tb, err)
		for i := range records {
			records[i].Topic = e.signal.Topic
		}
		require.NoError(tb, e.push(tb.Context(), newRequest(records, ld.LogRecordCount())))
	}
}

// TestADeliveryAllocatesNothingForARecordOrAPartition: what a request takes does not depend on how much it holds, and hardly
// on the number of its batches. The whole way is measured, from pdata to the bytes on a connection and from the answer back.
func TestADeliveryAllocatesNothingForARecordOrAPartition(t *testing.T) {
	runs := 100
	if underRace {
		runs = 5
	}
	most := map[encode.Keying]float64{encode.Unkeyed: 10, encode.ByTraceID: 14}
	for _, partitions := range []int{1, 8, 32} {
		e := startInMemory(t, partitions)
		for keying, bound := range most {
			for _, items := range []int{1000, 4000} {
				allocated := testing.AllocsPerRun(runs, delivery(t, e, lines(items), keying))
				t.Logf("%d partitions, keying %d, %d items: %.0f allocations", partitions, keying, items, allocated)
				if !underRace { // under which pools forget at random
					assert.LessOrEqual(t, allocated, bound, "%d partitions, keying %d, %d items", partitions, keying, items)
				}
			}
		}
	}
}

func BenchmarkDelivery(b *testing.B) {
	for name, keying := range map[string]encode.Keying{"plain": encode.Unkeyed, "by trace id": encode.ByTraceID} {
		b.Run(name, func(b *testing.B) {
			deliver := delivery(b, startInMemory(b, 8), lines(2000), keying)
			b.ReportAllocs()
			for b.Loop() {
				deliver()
			}
		})
	}
}
