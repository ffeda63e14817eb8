// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// h2load makes requests with 100 streams at once on each of 4 connections, of every URL in turn, and waits for their end.
func h2load(t *testing.T, requests int, flagsAndURLs ...string) {
	t.Helper()
	command := exec.Command(needTool(t, "h2load", "nghttp2-client"), append([]string{
		"--requests", strconv.Itoa(requests), "--clients", "4", "--max-concurrent-streams", "100",
	}, flagsAndURLs...)...)
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

// TestLargeStreamsOfH2loadAgainstGo moves a megabyte in each exchange, in either direction, with both processors busy: one
// delivers packets of a connection while the other still has the one before.
func TestLargeStreamsOfH2loadAgainstGo(t *testing.T) {
	const requests = 1000
	needRoot(t)
	needTool(t, "h2load", "nghttp2-client")
	body := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(body, make([]byte, largeSize), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		path  string
		flags []string
	}{
		"responses": {path: "/large"},
		"requests":  {path: "/echo", flags: []string{"--data", body}},
	} {
		t.Run(name, func(t *testing.T) {
			server := startServer(t, "127.0.0.1")
			p := capture(t, onlyPorts(t, server.addr))
			h2load(t, requests, append(test.flags, "http://"+server.addr+test.path)...)
			served := server.served(t, requests)
			p.finish(2 * requests)
			p.compareStreams(served)
		})
	}
}
