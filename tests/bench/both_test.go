// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestBothExportersDeliverWhatTheyClaimInEveryCase(t *testing.T) {
	var out bytes.Buffer
	results, err := compareExporters(t.Context(), &out, options{pairs: 1, duration: 50 * time.Millisecond, linger: time.Millisecond})
	if err != nil {
		t.Fatalf("%v after\n%s", err, &out)
	}
	for name, c := range results {
		if c.Ours.MBPerSecond <= 0 || c.Ours.CPUPerGB <= 0 || c.Contrib != nil && c.Throughput <= 0 {
			t.Errorf("%s: %+v", name, c)
		}
		if compressed := !strings.Contains(name, "/none/"); compressed != (c.Ours.BytesPerByte < 0.7) {
			t.Errorf("%s: %v bytes on the wire for each byte", name, c.Ours.BytesPerByte)
		}
	}
	if rows := strings.Count(out.String(), "\n"); rows != len(results)+1 {
		t.Errorf("%d lines for %d cases", rows, len(results))
	}
}
