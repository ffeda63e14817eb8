// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package operation

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension/extensiontest"
)

// fileStorage starts the extension on a folder; stop ends it.
func fileStorage(t *testing.T, dir string) (h *host, stop func()) {
	t.Helper()
	factory := filestorage.NewFactory()
	cfg := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"directory": dir}).Unmarshal(cfg))
	e, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	h = newHost()
	h.extensions = map[component.ID]component.Component{component.MustNewID("file_storage"): e}
	return h, func() { require.NoError(t, e.Shutdown(context.Background())) }
}

// TestAQueueInAFileSurvivesARestart: what was accepted while no broker was there is delivered by the exporter that comes
// after, with the topic, the key and the headers that the client's metadata gave it.
func TestAQueueInAFileSurvivesARestart(t *testing.T) {
	const requests = 20
	given := settings{
		"sending_queue":         map[string]any{"storage": "file_storage", "num_consumers": 2},
		"retry_on_failure":      map[string]any{"initial_interval": "10ms", "max_elapsed_time": "0s"},
		"include_metadata_keys": []any{"tenant"}, "record_headers": map[string]any{"static": "yes"},
		"logs": map[string]any{"topic_from_metadata_key": "where", "message_key_from_metadata_key": "tenant"},
	}
	dir := t.TempDir()
	before, stopStorage := fileStorage(t, dir)
	e, stop := start(t, []string{"127.0.0.1:1"}, given, before)
	for n := range requests {
		ctx := client.NewContext(t.Context(), client.Info{Metadata: client.NewMetadata(map[string][]string{
			"tenant": {fmt.Sprintf("tenant-%d", n)}, "where": {"elsewhere"},
		})})
		require.NoError(t, e.ConsumeLogs(ctx, lines(n+1)))
	}
	stop()
	stopStorage()

	cluster := startCluster(t, kfake.SeedTopics(3, "elsewhere"))
	after, stopStorage := fileStorage(t, dir)
	defer stopStorage()
	_, stop = start(t, cluster.ListenAddrs(), given, after)
	defer stop()
	consumer, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics("elsewhere"))
	require.NoError(t, err)
	defer consumer.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	seen := map[string]string{}
	for len(seen) < requests {
		fetches := consumer.PollFetches(ctx)
		require.NoError(t, fetches.Err())
		for _, r := range fetches.Records() {
			seen[string(r.Key)] = fmt.Sprint(r.Headers)
			require.Len(t, r.Headers, 2)
			require.Equal(t, "static", r.Headers[0].Key)
			require.Equal(t, string(r.Key), string(r.Headers[1].Value))
		}
	}
}
