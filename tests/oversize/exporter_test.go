// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package oversize

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter"
)

const (
	topic = "otlp_logs"
	dead  = "dead-letters"
)

type settings = map[string]any

// startCluster starts a broker whose topics take batches of so many bytes; the dead-letter topic takes a hundred times more.
func startCluster(t *testing.T, most int) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	require.NoError(t, err)
	defer client.Close()
	request := kmsg.NewPtrCreateTopicsRequest()
	for name, limit := range map[string]int{topic: most, dead: 100 * most} {
		created := kmsg.NewCreateTopicsRequestTopic()
		created.Topic, created.NumPartitions, created.ReplicationFactor = name, 3, 1
		setting := kmsg.NewCreateTopicsRequestTopicConfig()
		setting.Name, setting.Value = "max.message.bytes", kmsg.StringPtr(strconv.Itoa(limit))
		created.Configs = append(created.Configs, setting)
		request.Topics = append(request.Topics, created)
	}
	response, err := client.Request(t.Context(), request)
	require.NoError(t, err)
	for _, answer := range response.(*kmsg.CreateTopicsResponse).Topics {
		require.Zero(t, answer.ErrorCode)
	}
	return cluster
}

// running is a started exporter with what it counts.
type running struct {
	exporter.Logs
	telemetry *componenttest.Telemetry
}

func start(t *testing.T, cluster *kfake.Cluster, more settings) running {
	t.Helper()
	given := settings{"brokers": cluster.ListenAddrs(), "timeout": "30s", "sending_queue": settings{"enabled": false}, "retry_on_failure": settings{"enabled": false}}
	for key, value := range more {
		given[key] = value
	}
	factory := kafkaexporter.NewFactory()
	cfg := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(given).Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	telemetry := componenttest.NewTelemetry()
	set := exportertest.NewNopSettings(factory.Type())
	set.TelemetrySettings = telemetry.NewTelemetrySettings()
	e, err := factory.CreateLogs(t.Context(), set, cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, e.Shutdown(ctx))
		require.NoError(t, telemetry.Shutdown(ctx))
	})
	return running{e, telemetry}
}

// counted returns the sum of a counter over all its attributes, and the attributes seen.
func (r running) counted(t *testing.T, name string) (total int64, seen string) {
	t.Helper()
	metric, err := r.telemetry.GetMetric(name)
	if err != nil {
		return 0, "" // never counted
	}
	sum, ok := metric.Data.(metricdata.Sum[int64])
	require.True(t, ok)
	for _, point := range sum.DataPoints {
		total += point.Value
		for _, kv := range point.Attributes.ToSlice() {
			seen += fmt.Sprintf("%s=%s ", kv.Key, kv.Value.String())
		}
	}
	return total, seen
}

// read returns every record of a topic.
func read(t *testing.T, cluster *kfake.Cluster, from string) []*kgo.Record {
	t.Helper()
	want := int64(0)
	for _, p := range cluster.PartitionInfos(from) {
		want += p.HighWatermark
	}
	consumer, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics(from))
	require.NoError(t, err)
	defer consumer.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var records []*kgo.Record
	for int64(len(records)) < want {
		fetches := consumer.PollFetches(ctx)
		require.NoError(t, fetches.Err())
		records = append(records, fetches.Records()...)
	}
	return records
}
