// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package operation

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter"
)

const topic = "otlp_logs"

type settings map[string]any

// host has extensions and hears of the component's status.
type host struct {
	extensions map[component.ID]component.Component
	events     chan *componentstatus.Event
	// telemetry, if not nil, is where the exporter counts.
	telemetry *componenttest.Telemetry
}

func newHost() *host { return &host{events: make(chan *componentstatus.Event, 1000)} }

func (h *host) GetExtensions() map[component.ID]component.Component { return h.extensions }

func (h *host) Report(e *componentstatus.Event) { h.events <- e }

// await returns the next event, which must be of that status.
func (h *host) await(t *testing.T, want componentstatus.Status) *componentstatus.Event {
	t.Helper()
	select {
	case e := <-h.events:
		require.Equal(t, want, e.Status(), "%v", e.Err())
		return e
	case <-time.After(30 * time.Second):
		t.Fatalf("status never became %s", want)
		return nil
	}
}

// start runs an exporter; stop ends it and may be called more than once.
func start(t *testing.T, brokers []string, more settings, h *host) (e exporter.Logs, stop func()) {
	t.Helper()
	given := map[string]any{
		"brokers": brokers, "timeout": "3s",
		"sending_queue": map[string]any{"enabled": false}, "retry_on_failure": map[string]any{"enabled": false},
	}
	maps.Copy(given, more)
	factory := kafkaexporter.NewFactory()
	cfg := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(given).Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	set := exportertest.NewNopSettings(factory.Type())
	if h.telemetry != nil {
		set.TelemetrySettings = h.telemetry.NewTelemetrySettings()
	}
	set.ID = component.NewID(factory.Type()) // the queue's name in the storage
	e, err := factory.CreateLogs(t.Context(), set, cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), h))
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			require.NoError(t, e.Shutdown(ctx))
		}
	}
	t.Cleanup(stop)
	return e, stop
}

// lines makes logs with so many lines.
func lines(count int) plog.Logs {
	ld := plog.NewLogs()
	records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for range count {
		records.AppendEmpty().Body().SetStr("line")
	}
	return ld
}

func startCluster(t *testing.T, options ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(1, topic)}, options...)...)
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	return cluster
}
