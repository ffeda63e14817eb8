// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package sampler

import "testing"

func BenchmarkDecide(b *testing.B) {
	for name, state := range map[string]string{
		"no tracestate":                    "",
		"th stays":                         "ot=th:c",
		"th rises, with rv and two others": "ot=rv:f0000000000000;th:8,vendor=value,other@system=value",
	} {
		b.Run(name, func(b *testing.B) {
			s := mustNew(b, 0.25)
			id := traceID(highest)
			b.ReportAllocs()
			b.SetBytes(int64(len(state)))
			for b.Loop() {
				s.Decide(id, state, false)
			}
		})
	}
}
