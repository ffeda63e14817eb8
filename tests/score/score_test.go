// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
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
