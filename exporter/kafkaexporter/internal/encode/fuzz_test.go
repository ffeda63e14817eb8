// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package encode

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// FuzzByTraceID: the records of whatever pdata can read hold the same spans in the same resources and scopes.
func FuzzByTraceID(f *testing.F) {
	for seed := range uint64(4) {
		value, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(makeTraces(rand.New(rand.NewPCG(seed, 0)), 2, 2, 3, 3))
		require.NoError(f, err)
		f.Add(value)
	}
	f.Add([]byte{0x0a, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(raw)
		if err != nil {
			return
		}
		records, err := Encoder{Keying: ByTraceID}.Traces(td)
		require.NoError(t, err)
		var all []string
		for _, record := range records {
			part := parseTraces(t, false, record.Value)
			require.Equal(t, record.Items, part.SpanCount())
			all = append(all, spansOf(part)...)
		}
		want := spansOf(td)
		slices.Sort(want)
		slices.Sort(all)
		require.Equal(t, want, all)
	})
}
