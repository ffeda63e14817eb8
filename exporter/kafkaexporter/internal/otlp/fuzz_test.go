// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/testdata"
)

// The fuzz targets: whatever pdata can read is written as pdata writes it.

func FuzzTraces(f *testing.F) {
	seed, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(testdata.GenerateTraces(3))
	require.NoError(f, err)
	f.Add(seed)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(raw); err == nil {
			sameTraces(t, td)
		}
	})
}

func FuzzLogs(f *testing.F) {
	seed, err := (&plog.ProtoMarshaler{}).MarshalLogs(testdata.GenerateLogs(3))
	require.NoError(f, err)
	f.Add(seed)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if ld, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(raw); err == nil {
			sameLogs(t, ld)
		}
	})
}

func FuzzMetrics(f *testing.F) {
	seed, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(testdata.GenerateMetrics(5))
	require.NoError(f, err)
	f.Add(seed)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(raw); err == nil {
			sameMetrics(t, md)
		}
	})
}
