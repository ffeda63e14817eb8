// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaonce

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exportertest"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter"
)

func TestItIsTheSameExporterUnderAnotherType(t *testing.T) {
	factory := NewFactory()
	assert.Equal(t, "kafka_once", factory.Type().String())
	assert.Equal(t, kafkaexporter.NewFactory().CreateDefaultConfig(), factory.CreateDefaultConfig())
	e, err := factory.CreateTraces(t.Context(), exportertest.NewNopSettings(factory.Type()), factory.CreateDefaultConfig())
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, e.Shutdown(t.Context()))
}
