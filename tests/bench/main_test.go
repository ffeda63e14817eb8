// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the test program play the children that the code under test starts from its own executable.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "-child" {
		if err := run(context.Background(), options{child: os.Args[2]}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// module writes a Go module with one benchmark file.
func module(t *testing.T, dir, source string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"go.mod": "module example.org/scratch/event\n\ngo 1.26.0\n", "x_test.go": source} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GOWORK", "off")
}

const benchmark = `package event
import "testing"
func BenchmarkDecode(b *testing.B) { b.SetBytes(8); for b.Loop() { b.ReportMetric(7, "ns/span") } }
`

func TestPartsEndInOneLineOfJSON(t *testing.T) {
	root := t.TempDir()
	module(t, filepath.Join(root, "receiver", "ebpfreceiver"), benchmark)
	o, err := parseOptions([]string{"-short", "-root", root, "-run", "receiver"}, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := measure(t.Context(), o, &out); err != nil {
		t.Fatal(err)
	}
	found := lastLine(t, out.String())
	if found.Receiver["event.BenchmarkDecode"]["ns/span"] != 7 || found.Machine.CPUs == 0 || len(found.Faults) != 0 {
		t.Errorf("found %+v in %s", found, &out)
	}
}

func TestAFailingPartIsNamedAndKeepsNothingElseFromRunning(t *testing.T) {
	root := t.TempDir()
	module(t, filepath.Join(root, "receiver", "ebpfreceiver"), strings.Replace(benchmark, "Benchmark", "Something", 1))
	module(t, filepath.Join(root, "processor", "riskprocessor"), strings.Replace(benchmark, "Decode", "Processor", 1))
	o, err := parseOptions([]string{"-short", "-root", root, "-run", "receiver,processor"}, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = measure(t.Context(), o, &out)
	if err == nil || !strings.Contains(err.Error(), "measure receiver") || !strings.Contains(err.Error(), "none matches") {
		t.Errorf("found error %v", err)
	}
	found := lastLine(t, out.String())
	if len(found.Faults) != 1 || len(found.Processor) != 1 || found.Receiver != nil {
		t.Errorf("found %+v in %s", found, &out)
	}
}

func TestABenchmarkThatFailsIsAnErrorWithItsOutput(t *testing.T) {
	dir := t.TempDir()
	module(t, dir, "package event\nimport \"testing\"\nfunc BenchmarkDecode(b *testing.B) { b.Fatal(\"no data\") }\n")
	_, err := goBenchmarks(t.Context(), &bytes.Buffer{}, goTest{dir: dir, pattern: ".", count: 1, time: "1x"})
	if err == nil || !strings.Contains(err.Error(), "no data") {
		t.Errorf("found %v", err)
	}
}

func lastLine(t *testing.T, printed string) report {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(printed), "\n")
	var found report
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &found); err != nil {
		t.Fatalf("the last line is no report: %v in %q", err, lines[len(lines)-1])
	}
	return found
}

func TestOptions(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"unknown part", []string{"-run", "receiver,kernel"}, `found "kernel"`},
		{"no pairs", []string{"-pairs", "0"}, "`-pairs` must be positive, found 0"},
		{"no time", []string{"-duration", "0s"}, "`-duration` and `-benchtime` must be positive"},
		{"negative linger", []string{"-contrib-linger", "-1ms"}, "`-contrib-linger` must not be negative"},
		{"unknown flag", []string{"-loud"}, "not defined: -loud"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseOptions(test.args, &bytes.Buffer{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("found %v, want %q", err, test.want)
			}
		})
	}
	o, err := parseOptions([]string{"-short", "-pairs", "5"}, os.Stderr)
	if err != nil || o.pairs != 5 || o.duration != shortDuration || len(o.parts) != len(allParts) {
		t.Errorf("short with a flag of its own: %+v, %v", o, err)
	}
	if err := run(t.Context(), options{child: "uncle"}); err == nil || !strings.Contains(err.Error(), `found "uncle"`) {
		t.Errorf("found %v", err)
	}
}
