// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package encode

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// BenchmarkTraces encodes 1000 spans of 256 traces in 10 resources.
func BenchmarkTraces(b *testing.B) {
	td := makeTraces(rand.New(rand.NewPCG(1, 1)), 10, 2, 50, 256)
	size := (&ptrace.ProtoMarshaler{}).TracesSize(td)
	for _, json := range []bool{false, true} {
		for keying, name := range []string{"unkeyed", "by trace id", "by resource"} {
			b.Run(fmt.Sprintf("json=%v/%s", json, name), func(b *testing.B) {
				e := Encoder{JSON: json, Keying: Keying(keying)}
				b.ReportAllocs()
				b.SetBytes(int64(size))
				for b.Loop() {
					_, err := e.Traces(td)
					require.NoError(b, err)
				}
			})
		}
	}
}
