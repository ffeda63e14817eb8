// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadata"
)

// startMetrics runs a receiver without any other signal until stop is called.
func startMetrics(t *testing.T, cfg *Config, next *consumertest.MetricsSink) (r receiver.Metrics, stop func()) {
	t.Helper()
	needRoot(t)
	r, err := NewFactory().CreateMetrics(t.Context(), receivertest.NewNopSettings(metadata.Type), cfg, next)
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	stop = func() { assert.NoError(t, r.Shutdown(context.Background())) }
	t.Cleanup(stop)
	return r, stop
}

// pointsOf returns the points of a histogram in the last metrics that were passed on.
func pointsOf(t *testing.T, sink *consumertest.MetricsSink, name string) []pmetric.HistogramDataPoint {
	t.Helper()
	all := sink.AllMetrics()
	require.NotEmpty(t, all)
	var points []pmetric.HistogramDataPoint
	for _, rm := range all[len(all)-1].ResourceMetrics().All() {
		for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
			if m.Name() != name {
				continue
			}
			for _, p := range m.Histogram().DataPoints().All() {
				points = append(points, p)
			}
		}
	}
	return points
}

func TestRequestsBecomeDurationsAtBothEnds(t *testing.T) {
	server := shop(t)
	cfg := configFor(server)
	cfg.Metrics.CollectionInterval = time.Hour
	sink := &consumertest.MetricsSink{}
	_, stop := startMetrics(t, cfg, sink)
	for range 10 {
		get(t, server.Client(), server.URL)
	}
	get(t, server.Client(), server.URL+"/broken")
	stop()
	for _, name := range []string{"http.server.request.duration", "http.client.request.duration"} {
		points := pointsOf(t, sink, name)
		require.Len(t, points, 2, name)
		for _, p := range points {
			status, _ := p.Attributes().Get("http.response.status_code")
			method, _ := p.Attributes().Get("http.request.method")
			version, _ := p.Attributes().Get("network.protocol.version")
			failed, found := p.Attributes().Get("error.type")
			assert.Equal(t, "GET", method.Str())
			assert.Equal(t, "1.1", version.Str())
			if status.Int() == 500 {
				assert.EqualValues(t, 1, p.Count())
				assert.Equal(t, "500", failed.Str())
				continue
			}
			assert.EqualValues(t, 200, status.Int())
			assert.EqualValues(t, 10, p.Count())
			assert.False(t, found)
			assert.Positive(t, p.Sum())
			assert.Less(t, p.Sum(), 10.0)
		}
	}
}

func TestAllSignalsOfAReceiverStartAndEndOnce(t *testing.T) {
	needRoot(t)
	server := shop(t)
	set, factory, cfg := receivertest.NewNopSettings(metadata.Type), NewFactory(), configFor(server)
	spans, metrics := &consumertest.TracesSink{}, &consumertest.MetricsSink{}
	logs, err := factory.CreateLogs(t.Context(), set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	_, err = factory.CreateTraces(t.Context(), set, cfg, spans)
	require.NoError(t, err)
	_, err = factory.CreateMetrics(t.Context(), set, cfg, metrics)
	require.NoError(t, err)
	for range 3 {
		require.NoError(t, logs.Start(t.Context(), componenttest.NewNopHost()))
	}
	get(t, server.Client(), server.URL)
	await(t, spans, 2)
	for range 3 {
		require.NoError(t, logs.Shutdown(t.Context()))
	}
	assert.NotEmpty(t, metrics.AllMetrics(), "what was counted is passed on at the end")
	assert.Equal(t, 2, spans.SpanCount(), "and nothing twice")
}
