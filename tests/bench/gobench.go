// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// benchmarks maps "package.Benchmark/case" to units to values, as in {"event.BenchmarkDecode": {"ns/op": 31.5}}.
// Where a benchmark ran several times the value is the median.
type benchmarks map[string]map[string]float64

// goTest says which Go benchmarks to run.
type goTest struct {
	// dir is the module to run them in.
	dir string
	// pattern selects benchmarks as go test's -bench does.
	pattern string
	// count is how often each runs, time how long.
	count int
	time  string
}

func (o options) receiver() goTest {
	return goTest{filepath.Join(o.root, "receiver", "ebpfreceiver"), ".", o.pairs, o.benchtime.String()}
}

func (o options) processor() goTest {
	return goTest{filepath.Join(o.root, "processor", "riskprocessor"), "^BenchmarkProcessor", o.pairs, o.benchtime.String()}
}

// goBenchmarks runs Go benchmarks and prints their medians. That none matched is an error: a renamed benchmark must not
// vanish from the report unseen.
func goBenchmarks(ctx context.Context, out io.Writer, test goTest) (benchmarks, error) {
	command := exec.CommandContext(ctx, "go", "test", "-run=^$", "-bench="+test.pattern, "-benchmem", "-p=1",
		"-benchtime="+test.time, "-count="+strconv.Itoa(test.count), "./...")
	command.Dir = test.dir
	var said bytes.Buffer
	command.Stderr = &said
	printed, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("run benchmarks in %q: %w: %s%s", test.dir, err, said.Bytes(), printed)
	}
	found, err := parseBenchmarks(bytes.NewReader(printed))
	if err != nil {
		return nil, fmt.Errorf("read benchmarks of %q: %w", test.dir, err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("run benchmarks in %q: none matches %q", test.dir, test.pattern)
	}
	return found, found.print(out)
}

// parseBenchmarks reads what go test prints:
//
//	pkg: example.org/module/package
//	BenchmarkName/case-2    1000    1234 ns/op    81.2 MB/s    16 B/op    2 allocs/op
func parseBenchmarks(r io.Reader) (benchmarks, error) {
	runs := map[string]map[string][]float64{}
	var pkg string
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		if path, found := strings.CutPrefix(line, "pkg: "); found {
			pkg = path[strings.LastIndexByte(path, '/')+1:]
			continue
		}
		fields := strings.Fields(line)
		if !strings.HasPrefix(line, "Benchmark") || len(fields) < 2 {
			continue // other output; a benchmark that logs prints its bare name first
		}
		values, err := parseValues(fields[1:])
		if err != nil {
			return nil, fmt.Errorf("parse %q: %w", line, err)
		}
		name := pkg + "." + withoutProcs(fields[0])
		if runs[name] == nil {
			runs[name] = map[string][]float64{}
		}
		for unit, value := range values {
			runs[name][unit] = append(runs[name][unit], value)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read output: %w", err)
	}
	return medians(runs), nil
}

// parseValues reads the number of iterations and then pairs of value and unit.
func parseValues(fields []string) (map[string]float64, error) {
	if _, err := strconv.ParseInt(fields[0], 10, 64); err != nil {
		return nil, fmt.Errorf("iterations: %w", err)
	}
	fields = fields[1:]
	if len(fields) == 0 || len(fields)%2 != 0 {
		return nil, errors.New("want pairs of value and unit")
	}
	values := map[string]float64{}
	for pair := range slices.Chunk(fields, 2) {
		value, err := strconv.ParseFloat(pair[0], 64)
		if err != nil {
			return nil, fmt.Errorf("value of %s: %w", pair[1], err)
		}
		values[pair[1]] = value
	}
	return values, nil
}

// withoutProcs removes GOMAXPROCS from the end of a name, which go test adds unless it is 1.
func withoutProcs(name string) string {
	dash := strings.LastIndexByte(name, '-')
	if dash < 0 {
		return name
	}
	if _, err := strconv.ParseUint(name[dash+1:], 10, 16); err != nil {
		return name
	}
	return name[:dash]
}

func medians(runs map[string]map[string][]float64) benchmarks {
	found := benchmarks{}
	for name, units := range runs {
		found[name] = map[string]float64{}
		for unit, values := range units {
			found[name][unit] = median(values)
		}
	}
	return found
}

// print writes one line for each benchmark, in the order of their names.
func (b benchmarks) print(out io.Writer) error {
	for _, name := range slices.Sorted(maps.Keys(b)) {
		var line strings.Builder
		for _, unit := range slices.Sorted(maps.Keys(b[name])) {
			fmt.Fprintf(&line, "  %.5g %s", b[name][unit], unit)
		}
		if _, err := fmt.Fprintf(out, "%-60s%s\n", name, line.String()); err != nil {
			return fmt.Errorf("print benchmarks: %w", err)
		}
	}
	return nil
}
