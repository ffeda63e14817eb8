// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
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
	// slowTime is how long the body of a slow request takes at least.
	slowTime = 20 * time.Millisecond
)

// duration is how long a request took by an application's own clock, and how long threads of it waited for a processor
// meanwhile, by the kernel's.
type duration struct {
	took, waited time.Duration
}

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
	clients, servers := map[string]map[string]duration{}, map[string]map[string]duration{}
	for _, s := range sites {
		wrkMixed(t, s, mixed)
		clients[s.addr], servers[s.addr] = sendSlowly(t, s)
		served[s.addr] = s.answers(t, mixed+slow)
	}
	spans := p.finish(2 * len(sites) * (mixed + slow))
	missing := 0
	for _, s := range sites {
		own := slices.DeleteFunc(slices.Clone(spans), func(span harness.Span) bool {
			return span.Attr("server.port") != port(t, s.addr)
		})
		want := exchanges{}
		for _, a := range served[s.addr] {
			want[a.label]++
		}
		server, _ := compare(t, s.Name()+", server", want, seen(own, ptrace.SpanKindServer))
		client, _ := compare(t, s.Name()+", client", want, seen(own, ptrace.SpanKindClient))
		missing += server + client
		t.Logf("%s: %d exchanges, spans missing of the server %d, of the client %d", s.Name(), want.total(), server, client)
		if most := want.total() / 1000; server > most || client > most {
			t.Errorf("%s: more than 0.1 %% of the spans are missing", s.Name())
		}
		compareDurations(t, s.Name()+", server", servers[s.addr], only(own, ptrace.SpanKindServer), label)
		compareDurations(t, s.Name()+", client", clients[s.addr], only(own, ptrace.SpanKindClient), label)
	}
	if lost := harness.Total(p.metrics.Losses()); missing != lost {
		t.Errorf("%d spans are missing, counted as lost: %v", missing, p.metrics.Losses())
	}
}

// compareDurations compares the durations of slow requests with those that an application measured, by what names a span's
// request. They may differ by a millisecond, and by what the application waited for a processor: its clock runs on meanwhile,
// the packets do not wait.
func compareDurations(t *testing.T, side string, own map[string]duration, spans []harness.Span, name func(harness.Span) string) {
	t.Helper()
	var differences []time.Duration
	within, unexplained := 0, 0
	for _, span := range spans {
		of, ok := own[name(span)]
		if !ok {
			continue
		}
		difference := (spanOf{t, span}.duration() - of.took).Abs()
		differences = append(differences, difference)
		if difference <= time.Millisecond {
			within++
		} else if difference-of.waited > time.Millisecond {
			unexplained++
			t.Logf("%s: %s differs by %v, of which it waited for a processor for at most %v", side, name(span), difference, of.waited)
		}
	}
	if len(differences) < slow*99/100 {
		t.Fatalf("%s: %d durations of slow requests, want %d", side, len(differences), slow)
	}
	slices.Sort(differences)
	median, longest := differences[len(differences)/2], differences[len(differences)-1]
	t.Logf("%s: durations differ by %v in the middle, at most %v, %d of %d by more than 1 ms, %d of these unexplained", side,
		median, longest, len(differences)-within, len(differences), unexplained)
	if most := len(differences) / 20; unexplained > most { // interrupts take time, too, and say nothing
		t.Errorf("%s: %d durations differ by more than 1 ms for no reason, at most %d may", side, unexplained, most)
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

// sendSlowly makes requests whose body has a pause in it, one after the other, and returns how long each took, for us and for
// the server. Several at once would end their pauses at the same moment, and wait for each other.
func sendSlowly(t *testing.T, s *site) (client, server map[string]duration) {
	t.Helper()
	client, server = map[string]duration{}, map[string]duration{}
	c := dial(t, s.addr)
	for i := range slow {
		path := fmt.Sprintf("/form/%d", i)
		ours, theirs := waited(t, os.Getpid()), waited(t, s.Pid())
		start := time.Now()
		c.say("POST " + path + " HTTP/1.1\r\nHost: " + s.addr + "\r\nContent-Length: 2\r\n\r\n")
		c.say("a")
		pause(t.Context(), slowTime)
		c.say("b")
		status := c.answer("POST")
		took := time.Since(start)
		client["POST "+path+" "+strconv.Itoa(status)] = duration{took, waited(t, os.Getpid()) - ours}
		logged := s.answers(t, mixed+i+1)
		last := logged[len(logged)-1]
		server[last.label] = duration{last.took, waited(t, s.Pid()) - theirs}
	}
	return client, server
}

// waited is how long all threads of a process and of its children have been ready to run without a processor to run on.
func waited(t *testing.T, pid int) (total time.Duration) {
	t.Helper()
	id := strconv.Itoa(pid)
	files, err := filepath.Glob("/proc/" + id + "/task/*/schedstat")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		fields := strings.Fields(string(text)) // time on a processor, time in wait for one, how often
		if err != nil || len(fields) != 3 {
			continue // the thread has ended
		}
		ns, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			t.Fatalf("read %s: %v", file, err)
		}
		total += time.Duration(ns)
	}
	if pid == os.Getpid() {
		return total // its children are the servers
	}
	for _, child := range children(t, pid) {
		n, err := strconv.Atoi(child)
		if err != nil {
			t.Fatal(err)
		}
		total += waited(t, n)
	}
	return total
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
