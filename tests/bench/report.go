// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// report is the line of JSON.
type report struct {
	Machine   machine               `json:"machine"`
	Receiver  benchmarks            `json:"receiver,omitempty"`
	Processor benchmarks            `json:"processor,omitempty"`
	Exporter  map[string]comparison `json:"exporter,omitempty"`
	// Missed names the exporter cases whose ratios are below what was asked of them.
	Missed []string `json:"missed,omitempty"`
	// Faults are the errors of parts; a report with faults is not complete.
	Faults []string `json:"faults,omitempty"`
}

// machine is what figures depend on.
type machine struct {
	OS   string `json:"os"`
	Arch string `json:"arch"`
	Go   string `json:"go"`
	CPUs int    `json:"cpus"`
	CPU  string `json:"cpu,omitempty"`
}

func newReport() *report {
	return &report{Machine: machine{
		OS: runtime.GOOS, Arch: runtime.GOARCH, Go: runtime.Version(), CPUs: runtime.NumCPU(), CPU: cpuModel("/proc/cpuinfo"),
	}}
}

// cpuModel reads the processor's name where Linux tells it, else "".
func cpuModel(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// writeJSON writes the report as one line.
func (r *report) writeJSON(out io.Writer) error {
	if err := json.NewEncoder(out).Encode(r); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
