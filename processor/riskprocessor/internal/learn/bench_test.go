// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// traffic makes traces of the same shape: a root with so many children, every second of them with one of its own.
func traffic(r *rand.Rand, children int) []Span {
	id := r.Uint64()
	at := int64(1e18)
	spans := []Span{{ID: id, Operation: 1, Start: at, End: at + int64(2e6*float64(children+1))}}
	for i := range children {
		start := at + int64(i)*2e6
		child := Span{ID: id + uint64(2*i+1), Parent: id, Operation: uint64(2 + i%8), Start: start, End: start + int64(1e6*math.Exp(0.3*r.NormFloat64()))}
		spans = append(spans, child)
		if i%2 == 0 {
			spans = append(spans, Span{ID: child.ID + 1, Parent: child.ID, Operation: uint64(20 + i%8), Start: start + 1000, End: child.End - 1000})
		}
	}
	return spans
}

// BenchmarkScore is one span of a trace of 31, with everything known.
func BenchmarkScore(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	traces := make([][]Span, 256)
	for i := range traces {
		traces[i] = traffic(r, 20)
	}
	s := New(1024).NewScorer()
	now := time.Duration(0)
	for _, spans := range traces {
		s.Score(now, spans)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		spans := traces[n/31%len(traces)]
		now += time.Millisecond
		s.Score(now, spans)
		n += len(spans)
	}
}

// BenchmarkTail is a look-up and an update of one distribution.
func BenchmarkTail(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	var t tail
	values := make([]int64, 4096)
	for i := range values {
		values[i] = int64(1e6 * math.Exp(0.5*r.NormFloat64()))
		t.add(values[i])
	}
	var sink float32
	i := 0
	for b.Loop() {
		longer, _ := t.around(values[i&4095])
		sink += longer
		t.add(values[i&4095])
		i++
	}
	if sink > 0 {
		b.Fatal("a logarithm of a probability is above 0")
	}
}
