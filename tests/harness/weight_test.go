// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"math"
	"testing"
)

func TestWeightFollowsTheThreshold(t *testing.T) {
	for _, test := range []struct {
		name, tracestate string
		want             float64
	}{
		{"no tracestate", "", 1},
		{"another vendor only", "dd=s:1", 1},
		{"ours without a threshold", "ot=rv:12345678901234", 1},
		{"everything kept", "ot=th:0", 1},
		{"half", "ot=th:8", 2},
		{"a quarter", "ot=th:c", 4},
		{"one in a hundred", "ot=th:fd70a3d70a3d7", 100},
		{"between other vendors and fields", "dd=s:1, ot=rv:1;th:8;x:y ,es=s:1", 2},
		{"the smallest probability", "ot=th:ffffffffffffff", 1 << 56},
	} {
		got, err := Weight(test.tracestate)
		if err != nil || math.Abs(got-test.want) > test.want*1e-9 {
			t.Errorf("%s: weight of %q is %v (%v), want %v", test.name, test.tracestate, got, err, test.want)
		}
	}
}

func TestWeightRefusesAThresholdThatIsNone(t *testing.T) {
	for _, tracestate := range []string{"ot=th:", "ot=th:g", "ot=th:-1", "ot=th:+1", "ot=th:123456789012345"} {
		if got, err := Weight(tracestate); err == nil {
			t.Errorf("weight of %q is %v, want an error", tracestate, got)
		}
	}
}

func FuzzWeight(f *testing.F) {
	for _, seed := range []string{"", "ot=th:8", "a=b,ot=rv:1;th:fd70a3d70a3d7", "ot=th:", "ot=th:ffffffffffffff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, tracestate string) {
		weight, err := Weight(tracestate)
		switch {
		case err != nil && weight != 0:
			t.Errorf("%q: weight %v beside error %v", tracestate, weight, err)
		case err == nil && (weight < 1 || weight > 1<<56):
			t.Errorf("%q: weight %v is out of range", tracestate, weight)
		}
	})
}

func BenchmarkWeight(b *testing.B) {
	const tracestate = "dd=s:1,ot=rv:12345678901234;th:fd70a3d70a3d7"
	b.ReportAllocs()
	b.SetBytes(int64(len(tracestate)))
	for b.Loop() {
		if _, err := Weight(tracestate); err != nil {
			b.Fatal(err)
		}
	}
}
