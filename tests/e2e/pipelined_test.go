// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// TestPipelinedRequestsOfWrk compares the spans of both ends with what servers say that they answered: wrk sends 16 requests
// of different kinds before it waits.
func TestPipelinedRequestsOfWrk(t *testing.T) {
	const requests, depth = 8000, 16
	needRoot(t)
	wrk := needTool(t, "wrk", "wrk")
	pipelined := func(t *testing.T, addr string, answered func() exchanges) exchanges {
		t.Helper()
		p, out := startPeer(t, harness.ProcessSpec{
			Name: "wrk", Path: wrk,
			Args: []string{
				"--threads", "1", "--connections", "4", "--duration", "120", "--timeout", "30",
				"--script", "testdata/pipelined.lua", "http://" + addr,
			},
			Env: []string{"WRK_REQUESTS=" + strconv.Itoa(requests), "WRK_DEPTH=" + strconv.Itoa(depth)},
		})
		want := answered()
		if err := syscall.Kill(p.Pid(), syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		<-p.Done()
		if text := out.String(); !strings.Contains(text, strconv.Itoa(requests)+" requests in") || strings.Contains(text, "Socket errors") {
			t.Fatalf("wrk does not say that it had %d answers:\n%s", requests, text)
		}
		return want
	}
	compare := func(t *testing.T, p *pipeline, want exchanges) {
		t.Helper()
		p.finish(2 * requests)
		p.compareBoth(want)
		checkErrors(t, p.spans)
		if lost := harness.Total(p.metrics.Losses()); lost > 0 {
			t.Errorf("lost %v", p.metrics.Losses())
		}
	}
	t.Run("nginx", func(t *testing.T) {
		server := startNginx(t)
		p := capture(t, onlyPorts(t, server.addr))
		compare(t, p, pipelined(t, server.addr, func() exchanges { return server.served(t, requests) }))
	})
	t.Run("Go", func(t *testing.T) {
		server := startGo(t)
		p := capture(t, onlyPorts(t, server.addr))
		compare(t, p, pipelined(t, server.addr, func() exchanges {
			want := exchanges{}
			for _, a := range server.answers(t, requests) {
				want[a.label]++
			}
			return want
		}))
	})
}
