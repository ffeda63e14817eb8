// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if slices.Contains(os.Args, echoChild) {
		if err := serveEcho(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// TestMeasureReports runs everything once and briefly. Figures are for bench-score; what must hold anywhere is checked.
func TestMeasureReports(t *testing.T) {
	bin := os.Getenv("OTELCOL_RISK_BIN")
	if bin == "" {
		t.Skip("needs the collector: run make test, or set OTELCOL_RISK_BIN")
	}
	for _, name := range []string{"wrk", "redis-server"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("needs %s: apt-get install %s", name, name)
		}
	}
	bin, err := filepath.Abs(bin)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	o := options{connections: 50, pairs: 1, duration: time.Second, stopped: 1500 * time.Millisecond, bin: bin}
	if err := measure(t.Context(), o, &out); err != nil {
		t.Fatalf("%v after\n%s", err, &out)
	}
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	var printed map[string]report
	if err := json.Unmarshal(lines[len(lines)-1], &printed); err != nil {
		t.Fatalf("%v in\n%s", err, &out)
	}
	r := printed["score"]
	if r.Ours.PerSecond <= 0 || r.Echo.PerSecond <= 0 || r.RequestsRatio <= 0 {
		t.Errorf("nothing was measured: %+v", r)
	}
	if s := r.RedisStopped; s.Answers == 0 || s.DegradedAfter < 0 || s.NotMarked > 0 || s.Healed <= 0 {
		t.Errorf("without Redis: %+v", s)
	}
}

func TestResultRefusesErrors(t *testing.T) {
	good := []byte("Running 1s test\nRESULT {\"requests\":3000,\"us\":1500000,\"p50\":900,\"p99\":2500,\"errors\":0}\n")
	if got, err := result(good); err != nil || got != (load{PerSecond: 2000, P50: 0.9, P99: 2.5}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "RESULT {}", `RESULT {"requests":3000,"us":1500000,"p50":900,"p99":2500,"errors":1}`} {
		if _, err := result([]byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestSummedFindsWhenAnswersWereMarked(t *testing.T) {
	start := time.Now()
	at := func(n int, degraded bool) scored {
		return scored{start.Add(time.Duration(n) * time.Millisecond), time.Millisecond / 2, degraded}
	}
	got := summed([]scored{at(3, true), at(1, false), at(4, false), at(5, true)}, start)
	if want := (outage{Answers: 4, P99: 0.5, Max: 0.5, DegradedAfter: 3, NotMarked: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
