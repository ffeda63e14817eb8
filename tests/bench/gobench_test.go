// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"reflect"
	"strings"
	"testing"
)

const printed = `goos: linux
goarch: amd64
pkg: example.org/receiver/internal/event
cpu: AMD EPYC
BenchmarkDecode/short-2         	10000	       30.0 ns/op	8000.00 MB/s	       0 B/op	       0 allocs/op
BenchmarkDecode/short-2         	10000	       90.0 ns/op	2666.67 MB/s	       0 B/op	       0 allocs/op
BenchmarkDecode/short-2         	10000	       31.0 ns/op	7741.94 MB/s	       0 B/op	       0 allocs/op
BenchmarkLogs
    bench_test.go:7: a note
BenchmarkLogs-2                 	       1	      2000 ns/op
PASS
ok  	example.org/receiver/internal/event	1.2s
pkg: example.org/receiver/internal/spans
BenchmarkBuild/utf-8            	     500	      1.5e+03 ns/op	        41.5 ns/span
PASS
`

func TestParseBenchmarksTakesMediansByPackageNameAndUnit(t *testing.T) {
	want := benchmarks{
		"event.BenchmarkDecode/short": {"ns/op": 31, "MB/s": 7741.94, "B/op": 0, "allocs/op": 0},
		"event.BenchmarkLogs":         {"ns/op": 2000},
		"spans.BenchmarkBuild/utf":    {"ns/op": 1500, "ns/span": 41.5},
	}
	found, err := parseBenchmarks(strings.NewReader(printed))
	if err != nil || !reflect.DeepEqual(found, want) {
		t.Errorf("found %v, %v, want %v", found, err, want)
	}
	var out strings.Builder
	if err := found.print(&out); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(out.String(), "\n"); len(lines) != 4 || !strings.Contains(lines[2], "41.5 ns/span  1500") &&
		!strings.Contains(lines[2], "1500 ns/op  41.5 ns/span") {
		t.Errorf("printed %q", lines)
	}
}

func TestParseBenchmarksRefusesALineThatItDoesNotUnderstand(t *testing.T) {
	for _, test := range []struct{ name, line, want string }{
		{"iterations are no number", "BenchmarkX-2 many 3 ns/op", "iterations"},
		{"value without unit", "BenchmarkX-2 10 3 ns/op 7", "pairs of value and unit"},
		{"value is no number", "BenchmarkX-2 10 fast ns/op", "value of ns/op"},
		{"no value at all", "BenchmarkX-2 10", "pairs of value and unit"},
	} {
		t.Run(test.name, func(t *testing.T) {
			found, err := parseBenchmarks(strings.NewReader("pkg: p\n" + test.line + "\n"))
			if found != nil || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("found %v, %v, want an error with %q", found, err, test.want)
			}
		})
	}
}

func FuzzParseBenchmarks(f *testing.F) {
	f.Add(printed)
	f.Add("Benchmark 1 2 x 3 y\n")
	f.Fuzz(func(t *testing.T, text string) {
		found, err := parseBenchmarks(strings.NewReader(text))
		if err != nil && found != nil {
			t.Fatalf("error %v with %v", err, found)
		}
		for name, units := range found {
			if !strings.Contains(name, ".Benchmark") || len(units) == 0 {
				t.Fatalf("%q has %v", name, units)
			}
		}
	})
}

func BenchmarkParseBenchmarks(b *testing.B) {
	b.SetBytes(int64(len(printed)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseBenchmarks(strings.NewReader(printed)); err != nil {
			b.Fatal(err)
		}
	}
}

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{5}, 5},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 2, 100}, 3},
	} {
		kept := append([]float64{}, test.values...)
		if found := median(test.values); found != test.want || !reflect.DeepEqual(kept, test.values) {
			t.Errorf("median of %v is %v, want %v; the values are now %v", kept, found, test.want, test.values)
		}
	}
	if !math.IsNaN(median(nil)) {
		t.Error("the median of nothing is a number")
	}
}

func TestRounded(t *testing.T) {
	for value, want := range map[float64]float64{0: 0, 1.23456: 1.235, 987654: 987700, -0.000123456: -0.0001235, 4: 4} {
		if found := rounded(value); math.Abs(found-want) > 1e-12*math.Abs(want) {
			t.Errorf("%v is rounded to %v, want %v", value, found, want)
		}
	}
	if !math.IsInf(rounded(math.Inf(1)), 1) {
		t.Error("infinity was rounded")
	}
}
