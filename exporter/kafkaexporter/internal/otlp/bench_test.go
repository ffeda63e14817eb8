// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/testdata"
)

// BenchmarkTraces writes 1000 spans, beside pdata's marshaller.
func BenchmarkTraces(b *testing.B) {
	td := testdata.GenerateTraces(1000)
	b.Run("append", func(b *testing.B) {
		bench(b, (&ptrace.ProtoMarshaler{}).TracesSize(td), func(b []byte) []byte { return appendTraces(b, td) })
	})
	b.Run("pdata", func(b *testing.B) {
		b.SetBytes(int64((&ptrace.ProtoMarshaler{}).TracesSize(td)))
		b.ReportAllocs()
		for b.Loop() {
			_, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
			require.NoError(b, err)
		}
	})
}

// BenchmarkLogs writes 1000 log records, beside pdata's marshaller.
func BenchmarkLogs(b *testing.B) {
	ld := testdata.GenerateLogs(1000)
	b.Run("append", func(b *testing.B) {
		bench(b, (&plog.ProtoMarshaler{}).LogsSize(ld), func(b []byte) []byte { return appendLogs(b, ld) })
	})
	b.Run("pdata", func(b *testing.B) {
		b.SetBytes(int64((&plog.ProtoMarshaler{}).LogsSize(ld)))
		b.ReportAllocs()
		for b.Loop() {
			_, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
			require.NoError(b, err)
		}
	})
}

func bench(b *testing.B, size int, write func(b []byte) []byte) {
	var buffer []byte
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		buffer = write(buffer[:0])
	}
}
