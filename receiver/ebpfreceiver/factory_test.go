// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadata"
)

// create makes the receivers of all signals of one component id.
func create(t *testing.T, factory receiver.Factory, cfg component.Config) []component.Component {
	t.Helper()
	set := receivertest.NewNopSettings(metadata.Type)
	traces, err := factory.CreateTraces(t.Context(), set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	metrics, err := factory.CreateMetrics(t.Context(), set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	logs, err := factory.CreateLogs(t.Context(), set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	return []component.Component{traces, metrics, logs}
}

func TestFactoryMakesAllSignals(t *testing.T) {
	factory := NewFactory()
	assert.Equal(t, component.MustNewType("ebpf"), factory.Type())
	assert.Equal(t, component.StabilityLevelAlpha, factory.TracesStability())
	assert.Equal(t, component.StabilityLevelAlpha, factory.MetricsStability())
	assert.Equal(t, component.StabilityLevelAlpha, factory.LogsStability())
	cfg := factory.CreateDefaultConfig()
	require.NoError(t, confmap.Validate(cfg))
	for _, r := range create(t, factory, cfg) {
		require.NoError(t, r.Shutdown(t.Context()), "shutting down what was never started is no error")
	}
}

func TestTheSignalsOfAComponentShareOneReceiver(t *testing.T) {
	factory := NewFactory()
	cfg := factory.CreateDefaultConfig()
	one, other := create(t, factory, cfg), create(t, factory, factory.CreateDefaultConfig())
	assert.Same(t, one[0], one[1])
	assert.Same(t, one[0], one[2])
	assert.NotSame(t, one[0], other[0])
	require.NoError(t, one[1].Shutdown(t.Context()))
	require.NoError(t, other[1].Shutdown(t.Context()))
	again := create(t, factory, cfg)
	assert.NotSame(t, one[0], again[0], "what was shut down is not used again")
	require.NoError(t, again[0].Shutdown(t.Context()))
}
