// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskcrs

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// rig is a started extension whose metrics can be read.
type rig struct {
	*inspector
	telemetry *componenttest.Telemetry
}

func start(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	cfg.CPUShare, cfg.Timeout = 1, time.Minute // tests neither rest nor give up
	if change != nil {
		change(cfg)
	}
	require.NoError(t, cfg.Validate())
	r := &rig{telemetry: componenttest.NewTelemetry()}
	var err error
	r.inspector, err = newInspector(r.telemetry.NewTelemetrySettings(), cfg)
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, r.telemetry.Shutdown(context.WithoutCancel(t.Context()))) })
	return r
}

// counted returns a counter by the value of its attribute.
func (r *rig) counted(t *testing.T, name string) map[string]int64 {
	t.Helper()
	m, err := r.telemetry.GetMetric(name)
	if err != nil {
		return map[string]int64{} // nothing was counted yet
	}
	sum, ok := m.Data.(metricdata.Sum[int64])
	require.True(t, ok, "%T", m.Data)
	counts := map[string]int64{}
	for _, p := range sum.DataPoints {
		values := p.Attributes.ToSlice()
		require.Len(t, values, 1)
		require.Equal(t, attribute.STRING, values[0].Value.Type())
		counts[values[0].Value.AsString()] = p.Value
	}
	return counts
}

const attack = "id=1%27%20UNION%20SELECT%20password%20FROM%20users--"

func TestFindingsReachWhoAsked(t *testing.T) {
	r := start(t, nil)
	findings := make(chan Finding, 3)
	done := func(f *Finding) { findings <- Finding{Score: f.Score, Rules: slices.Clone(f.Rules)} }
	require.True(t, r.Inspect(&Request{Method: "GET", Path: "/items", Query: attack}, done))
	found := <-findings
	assert.GreaterOrEqual(t, found.Score, 5)
	assert.Contains(t, found.Rules, 942100, "libinjection's rule")
	require.True(t, r.Inspect(&Request{Path: "/items", Query: "page=2"}, done))
	assert.Equal(t, Finding{}, <-findings)
	require.True(t, r.Inspect(&Request{Path: "/", Headers: []Header{{Name: "user-agent", Value: "sqlmap/1.7"}}}, done))
	assert.Contains(t, (<-findings).Rules, 913100)
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Equal(t, map[string]int64{"flagged": 2, "clean": 1}, r.counted(t, "otelcol_extension_riskcrs_inspected"))
	matches := r.counted(t, "otelcol_extension_riskcrs_matches")
	assert.EqualValues(t, 1, matches["scanner"])
	assert.Positive(t, matches["sql"])
	assert.Empty(t, r.counted(t, "otelcol_extension_riskcrs_dropped"))
}

func TestBelowTheThresholdNothingIsSaid(t *testing.T) {
	r := start(t, func(cfg *Config) { cfg.Threshold = 1000 })
	findings := make(chan Finding, 1)
	require.True(t, r.Inspect(&Request{Path: "/items", Query: attack}, func(f *Finding) { findings <- *f }))
	assert.Equal(t, Finding{}, <-findings)
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Equal(t, map[string]int64{"clean": 1}, r.counted(t, "otelcol_extension_riskcrs_inspected"))
}

// TestNobodyWaits holds the only worker, so that the queue fills up.
func TestNobodyWaits(t *testing.T) {
	r := start(t, func(cfg *Config) { cfg.Queue, cfg.MaxRequestBytes = QueueConfig{MaxRequests: 2, MaxBytes: 300}, 200 })
	begun, goOn := make(chan struct{}), make(chan struct{})
	require.True(t, r.Inspect(&Request{Path: "/"}, func(*Finding) { close(begun); <-goOn }))
	<-begun
	unexpected := func(*Finding) { t.Error("a request that was not taken, or still waited, was answered") }
	path := func(bytes int) *Request { return &Request{Path: strings.Repeat("/", bytes)} }
	assert.False(t, r.Inspect(path(201), unexpected), "too large")
	assert.True(t, r.Inspect(path(200), unexpected))
	assert.False(t, r.Inspect(path(101), unexpected), "too many bytes")
	assert.True(t, r.Inspect(path(100), unexpected))
	assert.False(t, r.Inspect(path(1), unexpected), "too many")
	for name, want := range map[string]int64{"queue_requests": 2, "queue_bytes": 300} {
		m, err := r.telemetry.GetMetric("otelcol_extension_riskcrs_" + name)
		require.NoError(t, err)
		gauge, ok := m.Data.(metricdata.Gauge[int64])
		require.True(t, ok)
		assert.Equal(t, want, gauge.DataPoints[0].Value, name)
	}
	ended := make(chan error)
	go func() { ended <- r.Shutdown(t.Context()) }()
	require.Eventually(t, func() bool {
		return !r.Inspect(path(1), unexpected) && r.counted(t, "otelcol_extension_riskcrs_dropped")["not_running"] > 0
	},
		time.Minute, time.Millisecond)
	close(goOn)
	require.NoError(t, <-ended)
	dropped := r.counted(t, "otelcol_extension_riskcrs_dropped")
	delete(dropped, "not_running")
	assert.GreaterOrEqual(t, dropped["queue_requests"], int64(1), "also until the queue was closed")
	delete(dropped, "queue_requests")
	assert.Equal(t, map[string]int64{"too_large": 1, "queue_bytes": 1, "shutdown": 2}, dropped)
}

func TestBeforeStartNothingIsTaken(t *testing.T) {
	telemetry := componenttest.NewTelemetry()
	i, err := newInspector(telemetry.NewTelemetrySettings(), createDefaultConfig().(*Config))
	require.NoError(t, err)
	r := &rig{i, telemetry}
	assert.False(t, r.Inspect(&Request{Path: "/"}, nil))
	assert.Equal(t, map[string]int64{"not_running": 1}, r.counted(t, "otelcol_extension_riskcrs_dropped"))
	require.NoError(t, r.Shutdown(t.Context()))
	require.NoError(t, telemetry.Shutdown(t.Context()))
}

// TestAPanicIsTheFailureOfOneRequest takes the engine away, which makes every evaluation panic.
func TestAPanicIsTheFailureOfOneRequest(t *testing.T) {
	r := start(t, nil)
	r.engine = nil
	findings := make(chan Finding, 1)
	for range 2 {
		require.True(t, r.Inspect(&Request{Path: "/"}, func(f *Finding) { findings <- *f }))
		assert.Equal(t, Finding{}, <-findings)
	}
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Equal(t, map[string]int64{"failed": 2}, r.counted(t, "otelcol_extension_riskcrs_inspected"))
}

// TestAWorkerRests: with a share of a hundredth it rests 99 times as long as it works.
func TestAWorkerRests(t *testing.T) {
	r := start(t, func(cfg *Config) { cfg.CPUShare = 0.01 })
	done := make(chan struct{}, 2)
	begin := time.Now()
	for range 2 {
		require.True(t, r.Inspect(&Request{Path: "/items", Query: attack}, func(*Finding) { done <- struct{}{} }))
	}
	<-done
	<-done
	all := time.Since(begin)
	require.NoError(t, r.Shutdown(t.Context()))
	m, err := r.telemetry.GetMetric("otelcol_extension_riskcrs_duration")
	require.NoError(t, err)
	histogram, ok := m.Data.(metricdata.Histogram[float64])
	require.True(t, ok)
	least, _ := histogram.DataPoints[0].Min.Value()
	assert.GreaterOrEqual(t, all.Seconds(), 99*least)
}
