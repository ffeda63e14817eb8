// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package dropin

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/exporter/xexporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// partitions of each topic.
const partitions = 7

// topics that exist in every test.
var topics = []string{"otlp_spans", "otlp_metrics", "otlp_logs", "otlp_profiles", "from_attribute", "from_metadata"}

// host has extensions.
type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

// clientContext is that of a client with metadata.
func clientContext(ctx context.Context) context.Context {
	return client.NewContext(ctx, client.Info{Metadata: client.NewMetadata(map[string][]string{
		"tenant": {"acme", "second"}, "where": {"from_metadata"}, "none": {""},
	})})
}

// export sends data, of any signal, through an exporter and returns what is in the topics then.
func export(t *testing.T, factory exporter.Factory, settings map[string]any, extensions host, data any) []string {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, topics...))
	require.NoError(t, err)
	defer cluster.Close()
	given := map[string]any{"brokers": cluster.ListenAddrs(), "sending_queue": map[string]any{"enabled": false}}
	for key, value := range settings {
		given[key] = value
	}
	cfg := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(given).Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	created, send := create(t, factory, cfg, data)
	require.NoError(t, created.Start(t.Context(), extensions))
	require.NoError(t, send(clientContext(t.Context())))
	require.NoError(t, created.Shutdown(t.Context()))
	return read(t, cluster)
}

// create makes the exporter for the signal of data.
func create(t *testing.T, factory exporter.Factory, cfg component.Config, data any) (component.Component, func(context.Context) error) {
	t.Helper()
	set := exportertest.NewNopSettings(factory.Type())
	switch data := data.(type) {
	case ptrace.Traces:
		e, err := factory.CreateTraces(t.Context(), set, cfg)
		require.NoError(t, err)
		return e, func(ctx context.Context) error { return e.ConsumeTraces(ctx, data) }
	case pmetric.Metrics:
		e, err := factory.CreateMetrics(t.Context(), set, cfg)
		require.NoError(t, err)
		return e, func(ctx context.Context) error { return e.ConsumeMetrics(ctx, data) }
	case plog.Logs:
		e, err := factory.CreateLogs(t.Context(), set, cfg)
		require.NoError(t, err)
		return e, func(ctx context.Context) error { return e.ConsumeLogs(ctx, data) }
	case pprofile.Profiles:
		profiles, ok := factory.(xexporter.Factory)
		require.True(t, ok)
		e, err := profiles.CreateProfiles(t.Context(), set, cfg)
		require.NoError(t, err)
		return e, func(ctx context.Context) error { return e.ConsumeProfiles(ctx, data) }
	}
	t.Fatalf("no signal has data of type %T", data)
	return nil, nil
}

// read returns every record as text, sorted: topic, key, headers, value, and for a keyed record its partition. Where a
// record without a key goes is chance in contrib's exporter.
func read(t *testing.T, cluster *kfake.Cluster) []string {
	t.Helper()
	want := int64(0)
	for _, topic := range topics {
		for _, p := range cluster.PartitionInfos(topic) {
			want += p.HighWatermark
		}
	}
	consumer, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics(topics...))
	require.NoError(t, err)
	defer consumer.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var records []string
	for int64(len(records)) < want {
		fetches := consumer.PollFetches(ctx)
		require.NoError(t, fetches.Err())
		for _, r := range fetches.Records() {
			place := "anywhere"
			if r.Key != nil {
				place = fmt.Sprint(r.Partition)
			}
			var headers []string
			for _, h := range r.Headers {
				headers = append(headers, fmt.Sprintf("%s=%s", h.Key, h.Value))
			}
			records = append(records, fmt.Sprintf("%s/%s key %t %x headers %q value %x", r.Topic, place, r.Key != nil, r.Key, headers, r.Value))
		}
	}
	slices.Sort(records)
	return records
}
