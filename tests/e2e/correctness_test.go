// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

const (
	// mixed is how many requests of mixed kinds wrk makes to each server, slow how many with a body that takes a while.
	mixed = 3000
	slow  = 40
	// slowTime is how long the body of a slow request takes at least, senders how many are sent at once.
	slowTime = 20 * time.Millisecond
	senders  = 4
)

// TestEveryServerAgainstItsOwnCount compares the spans of both ends with what servers of different makes say that they
// answered, and how long it took them and us.
func TestEveryServerAgainstItsOwnCount(t *testing.T) {
	needRoot(t)
	sites := []*site{
		startApache(t, "event"), startApache(t, "prefork"),
		startScript(t, "Node", "node", "nodejs", "testdata/server.js"),
		startScript(t, "Python", "python3", "python3-minimal", "-u", "testdata/server.py"),
		startScript(t, "Java", "java", "openjdk-17-jdk-headless", "testdata/Server.java"),
		startGo(t),
	}
	var addrs []string
	for _, s := range sites {
		addrs = append(addrs, s.addr)
	}
	p := capture(t, onlyPorts(t, addrs...))
	served := map[string][]answer{}
	clients := map[string]map[string]time.Duration{}
	for _, s := range sites {
		wrkMixed(t, s, mixed)
		clients[s.addr] = sendSlowly(t, s.addr)
		served[s.addr] = s.answers(t, mixed+slow)
	}
	spans := p.finish(2 * len(sites) * (mixed + slow))
	missing := 0
	for _, s := range sites {
		own := slices.DeleteFunc(slices.Clone(spans), func(span harness.Span) bool {
			return span.Attr("server.port") != port(t, s.addr)
		})
		want := exchanges{}
		took := map[string]time.Duration{}
		for _, a := range served[s.addr] {
			want[a.label]++
			took[a.label] = a.took
		}
		server, _ := compare(t, s.Name()+", server", want, seen(own, ptrace.SpanKindServer))
		client, _ := compare(t, s.Name()+", client", want, seen(own, ptrace.SpanKindClient))
		missing += server + client
		t.Logf("%s: %d exchanges, spans missing of the server %d, of the client %d", s.Name(), want.total(), server, client)
		if most := want.total() / 1000; server > most || client > most {
			t.Errorf("%s: more than 0.1 %% of the spans are missing", s.Name())
		}
		compareDurations(t, s.Name()+", server", took, only(own, ptrace.SpanKindServer))
		compareDurations(t, s.Name()+", client", clients[s.addr], only(own, ptrace.SpanKindClient))
	}
	if lost := harness.Total(p.metrics.Losses()); missing != lost {
		t.Errorf("%d spans are missing, counted as lost: %v", missing, p.metrics.Losses())
	}
}

// compareDurations compares the durations of slow requests with those that an application measured. The medians must
// agree: what a single one differs by may be how long the application waited for a processor.
func compareDurations(t *testing.T, side string, took map[string]time.Duration, spans []harness.Span) {
	t.Helper()
	var differences []time.Duration
	for _, span := range spans {
		if own, ok := took[label(span)]; ok && strings.Contains(label(span), "/form/") {
			differences = append(differences, (spanOf{t, span}.duration() - own).Abs())
		}
	}
	if len(differences) < slow*99/100 {
		t.Fatalf("%s: %d durations of slow requests, want %d", side, len(differences), slow)
	}
	slices.Sort(differences)
	median, longest := differences[len(differences)/2], differences[len(differences)-1]
	within, _ := slices.BinarySearch(differences, time.Millisecond+1)
	t.Logf("%s: durations differ by %v in the middle, at most %v, %d of %d by more than 1 ms", side, median, longest,
		len(differences)-within, len(differences))
	if median > time.Millisecond {
		t.Errorf("%s: durations differ by %v, want at most 1 ms", side, median)
	}
}

// wrkMixed has wrk make requests of mixed kinds, and returns when all are answered.
func wrkMixed(t *testing.T, s *site, requests int) {
	t.Helper()
	// wrk stops sending by itself, but waits for the end of its time.
	wrk, out := startPeer(t, harness.ProcessSpec{
		Name: "wrk", Path: needTool(t, "wrk", "wrk"),
		Args: []string{
			"--threads", "1", "--connections", "8", "--duration", "120", "--timeout", "30",
			"--script", "testdata/mixed.lua", "http://" + s.addr,
		},
		Env: []string{"WRK_REQUESTS=" + strconv.Itoa(requests)},
	})
	s.answers(t, requests)
	if err := syscall.Kill(wrk.Pid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-wrk.Done()
	if text := out.String(); !strings.Contains(text, strconv.Itoa(requests)+" requests in") || strings.Contains(text, "Socket errors") {
		t.Fatalf("wrk does not say that it had %d answers from %s:\n%s", requests, s.Name(), text)
	}
}

// sendSlowly makes requests whose body has a pause in it, several at once, and returns how long each took.
func sendSlowly(t *testing.T, addr string) map[string]time.Duration {
	t.Helper()
	var mu sync.Mutex // guards took
	took := map[string]time.Duration{}
	var running sync.WaitGroup
	for sender := range senders {
		c := dial(t, addr)
		running.Go(func() {
			for i := sender; i < slow; i += senders {
				path := fmt.Sprintf("/form/%d", i)
				start := time.Now()
				c.say("POST " + path + " HTTP/1.1\r\nHost: " + addr + "\r\nContent-Length: 2\r\n\r\n")
				c.say("a")
				pause(t.Context(), slowTime)
				c.say("b")
				status := c.answer("POST")
				mu.Lock()
				took["POST "+path+" "+strconv.Itoa(status)] = time.Since(start)
				mu.Unlock()
			}
		})
	}
	running.Wait()
	return took
}

// startGo builds and starts a server of Go's.
func startGo(t *testing.T) *site {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "server")
	needTool(t, "go", "golang")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "testdata/server.go").CombinedOutput(); err != nil {
		t.Fatalf("build the Go server: %v\n%s", err, out)
	}
	return startScript(t, "Go", binary, "golang")
}
