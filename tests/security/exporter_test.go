// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package security

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter"
)

const topic = "otlp_logs"

type settings = map[string]any

// host has extensions.
type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

// running is a started exporter without queue and retry, so that an error says what happened.
type running struct {
	exporter.Logs
	logged *observer.ObservedLogs
}

// start runs an exporter; the test stops it when it ends.
func start(t *testing.T, brokers []string, more settings, extensions host) running {
	t.Helper()
	given := settings{
		"brokers": brokers, "timeout": "3s",
		"sending_queue": settings{"enabled": false}, "retry_on_failure": settings{"enabled": false},
	}
	maps.Copy(given, more)
	factory := kafkaexporter.NewFactory()
	cfg := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(given).Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	core, logged := observer.New(zapcore.DebugLevel)
	set := exportertest.NewNopSettings(factory.Type())
	set.Logger = zap.New(core)
	e, err := factory.CreateLogs(t.Context(), set, cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), extensions))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, e.Shutdown(ctx))
	})
	return running{e, logged}
}

// send sends one line.
func (r running) send(t *testing.T) error {
	t.Helper()
	ld := plog.NewLogs()
	ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr("line")
	return r.ConsumeLogs(t.Context(), ld)
}

// requireSilence fails if a secret is in an error, or in anything that was logged.
func (r running) requireSilence(t *testing.T, err error, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		assert.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), secret)
		for _, entry := range r.logged.All() {
			assert.NotContains(t, fmt.Sprint(entry.Message, entry.ContextMap()), secret)
		}
	}
}

func startCluster(t *testing.T, options ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(append(options, kfake.NumBrokers(1), kfake.SeedTopics(1, topic))...)
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	return cluster
}

// requireRecords fails unless the topic holds so many records.
func requireRecords(t *testing.T, cluster *kfake.Cluster, want int64) {
	t.Helper()
	require.Equal(t, want, cluster.PartitionInfos(topic)[0].HighWatermark)
}
