// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/exporter/xexporter"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/metadata"
)

// TestEverySignalStartsAndStopsWithoutABroker also stops what was never started, and starts again what was stopped.
func TestEverySignalStartsAndStopsWithoutABroker(t *testing.T) {
	factory, ok := NewFactory().(xexporter.Factory)
	require.True(t, ok)
	type create func(context.Context, exporter.Settings, component.Config) (component.Component, error)
	for name, create := range map[string]create{
		"traces": func(ctx context.Context, set exporter.Settings, cfg component.Config) (component.Component, error) {
			return factory.CreateTraces(ctx, set, cfg)
		},
		"metrics": func(ctx context.Context, set exporter.Settings, cfg component.Config) (component.Component, error) {
			return factory.CreateMetrics(ctx, set, cfg)
		},
		"logs": func(ctx context.Context, set exporter.Settings, cfg component.Config) (component.Component, error) {
			return factory.CreateLogs(ctx, set, cfg)
		},
		"profiles": func(ctx context.Context, set exporter.Settings, cfg component.Config) (component.Component, error) {
			return factory.CreateProfiles(ctx, set, cfg)
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := load(t, map[string]any{"brokers": []any{"127.0.0.1:1"}})
			require.NoError(t, err)
			for _, start := range []bool{false, true, true} {
				e, err := create(t.Context(), exportertest.NewNopSettings(metadata.Type), cfg)
				require.NoError(t, err)
				if start {
					require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
				}
				require.NoError(t, e.Shutdown(t.Context()))
			}
			_, err = create(t.Context(), exportertest.NewNopSettings(metadata.Type), nil)
			require.ErrorIs(t, err, errForeignConfig)
		})
	}
}

func TestAWrongExpressionIsAnErrorAtStart(t *testing.T) {
	cfg, err := load(t, map[string]any{"logs": map[string]any{"message_key_from_ottl": "log.nonsense"}})
	require.NoError(t, err)
	_, err = NewFactory().CreateLogs(t.Context(), exportertest.NewNopSettings(metadata.Type), cfg)
	require.ErrorContains(t, err, "`logs::message_key_from_ottl` must be an OTTL expression, found \"log.nonsense\"")
}

func TestAnUnknownEncodingIsAnErrorAtStart(t *testing.T) {
	cfg, err := load(t, map[string]any{"traces": map[string]any{"encoding": "raw"}}) // which is for logs
	require.NoError(t, err)
	e, err := NewFactory().CreateTraces(t.Context(), exportertest.NewNopSettings(metadata.Type), cfg)
	require.NoError(t, err)
	require.ErrorContains(t, e.Start(t.Context(), componenttest.NewNopHost()), `find encoding "raw"`)
	require.NoError(t, e.Shutdown(t.Context()))
}
