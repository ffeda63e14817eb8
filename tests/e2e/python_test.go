// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

func TestCurlAgainstPython(t *testing.T) {
	needRoot(t)
	server := startPython(t)
	p := capture(t, onlyPorts(t, server.addr))
	base := "http://" + server.addr
	var requests [][]string
	for range 10 {
		requests = append(
			requests, []string{base + "/small"}, []string{"--head", base + "/small"}, []string{base + "/large"},
			[]string{base + "/absent"}, []string{"--data", "x=1", base + "/small"}, []string{"--http1.0", base + "/"},
		)
	}
	curl(t, requests...)

	served := server.served(t, len(requests))
	spans := p.finish(2 * len(requests))
	p.compareBoth(served)
	checkErrors(t, spans)

	executable, err := os.Readlink("/proc/" + strconv.Itoa(server.Pid()) + "/exe")
	if err != nil {
		t.Fatal(err)
	}
	checkAll(t, only(spans, ptrace.SpanKindServer), nil, map[string]string{
		"service.name": "archive", "process.executable.name": filepath.Base(executable),
		"process.pid": strconv.Itoa(server.Pid()),
	})
}
