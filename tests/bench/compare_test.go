// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/bench/load"
)

func TestCasesAreSelectedByPartOfTheirName(t *testing.T) {
	if found := len(exporterCases("")); found != 22 {
		t.Errorf("%d cases, want two signals, three codecs, three keys, and two other conditions", found)
	}
	for _, c := range exporterCases("zstd/by_resource") {
		if c.codec != "zstd" || c.key != load.ByResource || c.alone != (c.signal == load.Traces) {
			t.Errorf("found %+v", c)
		}
	}
	o := options{filter: "logs/brotli", pairs: 1, duration: time.Millisecond}
	if _, err := compareExporters(t.Context(), &bytes.Buffer{}, o); err == nil || !strings.Contains(err.Error(), "logs/brotli") {
		t.Errorf("found %v", err)
	}
}

func TestComparedTakesMediansAndTheirRatios(t *testing.T) {
	ours := []measured{{100, 2, 0.5}, {300, 1, 0.5}, {200, 9, 0.5}}
	contrib := []measured{{50, 4, 1}, {50, 4, 1}, {1, 400, 1}}
	c := compared(ours, contrib)
	if c.Ours != (measured{200, 2, 0.5}) || *c.Contrib != (measured{50, 4, 1}) || c.Throughput != 4 || c.CPU != 0.5 {
		t.Errorf("found %+v beside %+v", c, c.Contrib)
	}
	if row := c.row("logs/none/plain"); !strings.Contains(row, "4.00x") || !strings.Contains(row, "0.50x") {
		t.Errorf("row is %q", row)
	}
	if !(bar{Throughput: 4, CPU: 0.5}).met(c) || (bar{Throughput: 4.01}).met(c) || (bar{CPU: 0.49}).met(c) {
		t.Error("bars are not kept to the letter")
	}
	c = compared(ours, nil)
	if c.Contrib != nil || c.Throughput != 0 || !strings.Contains(c.row("x"), "no such setting") {
		t.Errorf("without contrib: %+v", c)
	}
}

func TestAnExporterThatCannotDeliverIsAnError(t *testing.T) {
	_, err := export(t.Context(), load.Spec{
		Exporter: load.Contrib, Signal: load.Traces, Codec: "none", Key: load.ByResource, Broker: "127.0.0.1:1",
		Topic: "t", Callers: 1, Duration: time.Millisecond,
	})
	if err == nil {
		t.Error("contrib's exporter was asked for what it cannot do, and did it")
	}
}

func TestCPUModel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cpuinfo")
	if err := os.WriteFile(path, []byte("processor\t: 0\nmodel name\t: EPYC: big\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := cpuModel(path); found != "EPYC: big" {
		t.Errorf("found %q", found)
	}
	if found := cpuModel(path + ".absent"); found != "" {
		t.Errorf("found %q where there is no file", found)
	}
}
