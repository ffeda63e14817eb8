// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// mixedRequests returns requests for curl of every kind that nginx knows how to answer, n rounds of them.
func mixedRequests(t *testing.T, base string, rounds int) [][]string {
	t.Helper()
	upload := filepath.Join(t.TempDir(), "upload")
	if err := os.WriteFile(upload, make([]byte, 2<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	round := [][]string{
		{base + "/small"},
		{"--head", base + "/small"},
		{"--http1.0", base + "/small"},
		{"--header", "Connection: close", base + "/small"},
		{base + "/large"},
		{"--head", base + "/large"},
		{"--compressed", base + "/zipped"},
		{"--data", "card=4242", base + "/form?session=secret"},
		{"--data-binary", "@" + upload, "--header", "Expect:", "--header", "Connection: close", base + "/form"},
		// nginx answers these before it has read them: the next request can share a packet with the body's end, and is
		// then counted as lost by both ends.
		{"--data-binary", "@" + upload, base + "/form"},
		{"--data-binary", "@" + upload, "--header", "Transfer-Encoding: chunked", "--header", "Expect:", base + "/form"},
		{"--data", "x=1", "--header", "Transfer-Encoding: chunked", "--header", "Expect:", base + "/form"},
		{base + "/absent"},
		{base + "/broken"},
		{"--request", "DELETE", base + "/small"},
		{"--request", "OPTIONS", base + "/form"},
	}
	var requests [][]string
	for range rounds {
		requests = append(requests, round...)
	}
	return requests
}

func TestCurlAgainstNginx(t *testing.T) {
	needRoot(t)
	server := startNginx(t)
	p := capture(t, onlyPorts(t, server.addr))
	requests := mixedRequests(t, "http://"+server.addr, 5)
	pid := curl(t, requests...)

	served := server.served(t, len(requests))
	spans := p.finish(2 * len(requests))
	p.compareBoth(served)

	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	// nginx writes its title over its environment, where nobody can read OTEL_SERVICE_NAME any more: it is called by
	// its executable.
	checkAll(t, only(spans, ptrace.SpanKindServer), map[string]string{
		"client.address": "127.0.0.1", "url.full": "", "url.scheme": "http", "url.query": "",
		"server.address": "127.0.0.1", "server.port": port(t, server.addr), "network.peer.address": "127.0.0.1",
	}, map[string]string{
		"service.name": "nginx", "process.executable.name": "nginx", "host.name": host, "container.id": "",
	})
	workers := children(t, server.Pid())
	for _, span := range only(spans, ptrace.SpanKindServer) {
		if pid := span.ResourceAttr("process.pid"); !slices.Contains(workers, pid) {
			t.Errorf("the owner is %s, want one of the workers %v\nin %s", pid, workers, describe(span))
		}
	}
	checkAll(t, only(spans, ptrace.SpanKindClient), map[string]string{
		"client.address": "", "url.path": "", "server.address": "127.0.0.1", "server.port": port(t, server.addr),
		"network.peer.address": "127.0.0.1", "network.peer.port": port(t, server.addr),
	}, map[string]string{
		"service.name": "visitor", "process.executable.name": "curl", "host.name": host, "container.id": "",
		"process.pid": strconv.Itoa(pid),
	})
	checkErrors(t, spans)
	for _, span := range spans {
		if agent := span.Attr("user_agent.original"); !strings.HasPrefix(agent, "curl/") {
			t.Errorf("user agent is %q in %s", agent, describe(span))
		}
		if full := span.Attr("url.full"); strings.Contains(full, "?") {
			t.Errorf("the query was taken: %s", full)
		}
		if span.StartTimestamp() > span.EndTimestamp() {
			t.Errorf("ends before it starts: %s", describe(span))
		}
	}
}

// children returns the process ids of the children of a process.
func children(t *testing.T, pid int) []string {
	t.Helper()
	id := strconv.Itoa(pid)
	list, err := os.ReadFile(filepath.Join("/proc", id, "task", id, "children"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(list))
}

// checkErrors compares the error with the status: 5xx is one for both sides, 4xx for the client only.
func checkErrors(t *testing.T, spans []harness.Span) {
	t.Helper()
	for _, span := range spans {
		want, code := "", ptrace.StatusCodeUnset
		status := span.Attr("http.response.status_code")
		if strings.HasPrefix(status, "5") || (strings.HasPrefix(status, "4") && span.Kind() == ptrace.SpanKindClient) {
			want, code = status, ptrace.StatusCodeError
		}
		checkAttrs(t, span, map[string]string{"error.type": want})
		if got := span.Status().Code(); got != code {
			t.Errorf("status is %v, want %v\nin %s", got, code, describe(span))
		}
	}
}

func TestTenThousandRequestsOfWrkAndCurlAgainstNginx(t *testing.T) {
	const (
		byWrk  = 9700
		byCurl = 300
	)
	needRoot(t)
	binary := needTool(t, "wrk", "wrk")
	server := startNginx(t)
	p := capture(t, onlyPorts(t, server.addr))

	// wrk stops sending by itself, but waits for the end of its time; it cannot read the answer to HEAD.
	wrk, out := startPeer(t, harness.ProcessSpec{
		Name: "wrk", Path: binary,
		Args: []string{
			"--threads", "1", "--connections", "8", "--duration", "120", "--timeout", "30",
			"--script", "testdata/mixed.lua", "http://" + server.addr,
		},
		Env: []string{"WRK_REQUESTS=" + strconv.Itoa(byWrk), "OTEL_SERVICE_NAME=load"},
	})
	server.served(t, byWrk)
	if err := syscall.Kill(wrk.Pid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-wrk.Done()
	if text := out.String(); !strings.Contains(text, strconv.Itoa(byWrk)+" requests in") || strings.Contains(text, "Socket errors") {
		t.Fatalf("wrk does not say that it had %d answers:\n%s", byWrk, text)
	}
	var heads [][]string
	for range byCurl {
		heads = append(heads, []string{"--head", "http://" + server.addr + "/large"})
	}
	curl(t, heads...)

	served := server.served(t, byWrk+byCurl)
	spans := p.finish(2 * (byWrk + byCurl))
	p.compareBoth(served)
	t.Logf("%d requests, %d spans, lost %v", served.total(), len(spans), p.metrics.Losses())
}
