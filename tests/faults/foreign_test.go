// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter"
	"github.com/otelcol-risk/otelcol-risk/tests/kafka/broker"
	"github.com/otelcol-risk/otelcol-risk/tests/kafka/kcat"
)

// plain is a record whose key, value and header are anything. The key and the header are absent if they are empty.
type plain struct{ key, value, header string }

var codecNames = []string{"none", "gzip", "snappy", "lz4", "zstd"}

// startRaw starts an exporter that writes the bodies of log records as they are, with key and header from the metadata.
func startRaw(tb testing.TB, brokers []string, codec string) exporter.Logs {
	tb.Helper()
	factory := kafkaexporter.NewFactory()
	cfg := factory.CreateDefaultConfig()
	require.NoError(tb, confmap.NewFromStringMap(settings(brokers, map[string]any{
		"producer":              map[string]any{"compression": codec, "linger": "0s"},
		"sending_queue":         map[string]any{"enabled": false},
		"logs":                  map[string]any{"topic": topic, "encoding": "raw", "message_key_from_metadata_key": "key"},
		"include_metadata_keys": []string{"header"},
	})).Unmarshal(cfg))
	exp, err := factory.CreateLogs(context.Background(), exportertest.NewNopSettings(component.MustNewType("kafka")), cfg)
	require.NoError(tb, err)
	require.NoError(tb, exp.Start(context.Background(), componenttest.NewNopHost()))
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(tb, exp.Shutdown(ctx))
	})
	return exp
}

// send makes one batch of records that share the key and the header.
func send(tb testing.TB, exp exporter.Logs, records ...plain) {
	tb.Helper()
	metadata := map[string][]string{}
	if records[0].key != "" {
		metadata["key"] = []string{records[0].key}
	}
	if records[0].header != "" {
		metadata["header"] = []string{records[0].header}
	}
	ld := plog.NewLogs()
	bodies := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for _, r := range records {
		bodies.AppendEmpty().Body().SetEmptyBytes().FromRaw([]byte(r.value))
	}
	ctx, cancel := context.WithTimeout(context.Background(), testDeadline)
	defer cancel()
	require.NoError(tb, exp.ConsumeLogs(client.NewContext(ctx, client.Info{Metadata: client.NewMetadata(metadata)}), ld))
}

// corpus makes batches of one to nine records, from one byte to many, that compress well or not at all.
func corpus(r *rand.Rand, batches int) [][]plain {
	text := func(most int) string {
		b := make([]byte, r.IntN(most))
		spread := 1 << r.IntN(9)
		for i := range b {
			b[i] = byte(r.IntN(spread))
		}
		return string(b)
	}
	all := make([][]plain, batches)
	for i := range all {
		key, header := text(300), text(200)
		for range 1 + r.IntN(9) {
			all[i] = append(all[i], plain{key, "v" + text(1<<r.IntN(16)), header})
		}
	}
	return all
}

func needKcat(tb testing.TB) {
	tb.Helper()
	broker.SkipOrFail(tb, broker.Program("kcat", "kcat", "apt-get install kcat"))
}

func TestAnythingIsReadByFranzGoAndByLibrdkafka(t *testing.T) {
	needKcat(t)
	for i, codec := range codecNames {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
			exp := startRaw(t, cluster.ListenAddrs(), codec)
			batches := corpus(rand.New(rand.NewPCG(uint64(i), 7)), 60)
			for _, batch := range batches {
				send(t, exp, batch...)
			}
			want := slices.Concat(batches...)
			read := readBack(t, cluster.ListenAddrs())
			printed, err := kcat.Read(t.Context(), cluster.ListenAddrs(), topic)
			require.NoError(t, err)
			require.Len(t, read, len(want))
			require.Len(t, printed, len(want))
			for n, r := range want {
				requireSame(t, r, read[n])
				require.Equal(t, r.key, string(printed[n].Key), "record %d", n)
				require.Equal(t, r.value, string(printed[n].Value), "record %d", n)
			}
		})
	}
}

func requireSame(tb testing.TB, want plain, got *kgo.Record) {
	tb.Helper()
	require.Equal(tb, want.key, string(got.Key))
	require.Equal(tb, want.key == "", got.Key == nil)
	require.Equal(tb, want.value, string(got.Value))
	if want.header == "" {
		require.Empty(tb, got.Headers)
		return
	}
	require.Equal(tb, []kgo.RecordHeader{{Key: "header", Value: []byte(want.header)}}, got.Headers)
}

// FuzzRecords: whatever keys, values and headers are, franz-go and librdkafka read what was sent, with every codec.
func FuzzRecords(f *testing.F) {
	needKcat(f)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
	require.NoError(f, err)
	f.Cleanup(cluster.Close)
	var exporters []exporter.Logs
	for _, codec := range codecNames {
		exporters = append(exporters, startRaw(f, cluster.ListenAddrs(), codec))
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(10*time.Millisecond))
	require.NoError(f, err)
	f.Cleanup(reader.Close)
	librdkafka, err := kcat.Follow(cluster.ListenAddrs(), topic)
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, librdkafka.Close()) })
	for i := range codecNames {
		f.Add("key", fmt.Sprintf("value of codec %d", i), "header", uint8(i), uint8(i))
	}
	f.Fuzz(func(t *testing.T, key, value, header string, codec, more uint8) {
		var want []plain
		for n := range int(more)%9 + 1 {
			want = append(want, plain{key, "v" + value[:len(value)/(n+1)], header})
		}
		send(t, exporters[int(codec)%len(exporters)], want...)
		for read := 0; read < len(want); {
			fetches := reader.PollFetches(t.Context())
			require.NoError(t, fetches.Err())
			for _, got := range fetches.Records() {
				require.Less(t, read, len(want))
				requireSame(t, want[read], got)
				read++
			}
		}
		for _, r := range want {
			got, err := librdkafka.Next()
			require.NoError(t, err)
			require.Equal(t, r.key, string(got.Key))
			require.Equal(t, r.value, string(got.Value))
		}
	})
}
