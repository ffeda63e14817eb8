// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// h2load makes requests with 100 streams at once on each of 4 connections, of every URL in turn, and waits for their end.
func h2load(t *testing.T, requests int, urls ...string) {
	t.Helper()
	command := exec.Command(needTool(t, "h2load", "nghttp2-client"), append([]string{
		"--requests", strconv.Itoa(requests), "--clients", "4", "--max-concurrent-streams", "100",
	}, urls...)...)
	out, err := command.CombinedOutput()
	if err != nil || !strings.Contains(string(out), strconv.Itoa(requests)+" done") {
		t.Fatalf("h2load: %v\n%s", err, out)
	}
}

// compareStreams compares both sides with what the server counted: of 1000 exchanges one may be missing, none may be wrong.
func (p *pipeline) compareStreams(want exchanges) {
	p.t.Helper()
	for side, kind := range map[string]ptrace.SpanKind{"server": ptrace.SpanKindServer, "client": ptrace.SpanKindClient} {
		missing, what := compare(p.t, side, want, seen(p.spans, kind))
		if 1000*missing > want.total() {
			p.t.Errorf("%d of %d exchanges are missing:\n%s", missing, want.total(), what)
		}
	}
	p.t.Logf("%d exchanges, %d spans, lost %v", want.total(), len(p.spans), p.metrics.Losses())
}

func TestStreamsOfH2loadAgainstNginx(t *testing.T) {
	const requests = 8000
	needRoot(t)
	needTool(t, "h2load", "nghttp2-client")
	server := startNginxOf(t, " http2")
	p := capture(t, onlyPorts(t, server.addr))
	base := "http://" + server.addr
	h2load(t, requests, base+"/small", base+"/absent", base+"/broken", base+"/form", base+"/zipped")
	served := server.served(t, requests)
	p.finish(2 * requests)
	p.compareStreams(served)
	checkErrors(t, p.spans)
}

func TestLargeStreamsOfH2loadAgainstGo(t *testing.T) {
	const requests = 200
	needRoot(t)
	needTool(t, "h2load", "nghttp2-client")
	server := startServer(t, "127.0.0.1")
	p := capture(t, onlyPorts(t, server.addr))
	h2load(t, requests, "http://"+server.addr+"/large")
	served := server.served(t, requests)
	p.finish(2 * requests)
	p.compareStreams(served)
}
