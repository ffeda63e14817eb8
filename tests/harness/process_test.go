// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const grace = 10 * time.Second

func startChild(t *testing.T, role string) *Process {
	t.Helper()
	p, err := StartProcess(ProcessSpec{Name: "child", Path: os.Args[0], Env: []string{childEnv + "=" + role}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestProcessThatIsStoppedHasEndedAndIsNoError(t *testing.T) {
	// The role waits for SIGTERM, but only from the moment that it has installed its handler; before, the signal's
	// default ends it. Both are an end, so the log of the collector is what the next tests wait for.
	c := startFakeCollector(t, "ready")
	if err := c.Stop(grace); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(c.Pid(), 0); err == nil {
		t.Errorf("process %d is still there", c.Pid())
	}
	if err := c.Stop(grace); err != nil {
		t.Errorf("a second stop: %v", err)
	}
}

func TestProcessThatIgnoresTheSignalIsKilledAndReported(t *testing.T) {
	c := startFakeCollector(t, "deaf")
	err := c.Process.Stop(50 * time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "still running 50ms after SIGTERM") {
		t.Errorf("error is %v", err)
	}
	select {
	case <-c.Done():
	default:
		t.Error("it still runs")
	}
}

func TestProcessThatFailsSaysSo(t *testing.T) {
	p := startChild(t, "fails")
	<-p.Done()
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "child ended: exit status 3") {
		t.Errorf("error is %v", err)
	}
}

func TestProcessThatCannotStartIsAnError(t *testing.T) {
	_, err := StartProcess(ProcessSpec{Name: "child", Path: filepath.Join(t.TempDir(), "absent")})
	if err == nil || !strings.Contains(err.Error(), "start child") {
		t.Errorf("error is %v", err)
	}
}

func startFakeCollector(t *testing.T, role string) *Collector {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), grace)
	defer cancel()
	c, err := StartCollector(ctx, fakeCollector(t, role))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Kill(); err != nil {
			t.Error(err)
		}
		if err := c.log.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func fakeCollector(t *testing.T, role string) CollectorSpec {
	t.Helper()
	return CollectorSpec{
		Binary: os.Args[0], Config: "unused.yaml", Env: []string{childEnv + "=" + role},
		Log: filepath.Join(t.TempDir(), "collector.log"),
	}
}

func TestCollectorIsReadyOnceItSaysSo(t *testing.T) {
	c := startFakeCollector(t, "ready")
	log, err := c.Log()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log, readyMessage) {
		t.Errorf("log is %q", log)
	}
}

func TestCollectorThatEndsEarlyQuotesItsLog(t *testing.T) {
	_, err := StartCollector(t.Context(), fakeCollector(t, "fails"))
	for _, want := range []string{"exit status 3", "collector.log", "brokers is empty"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

func TestCollectorThatNeverGetsReadyIsKilled(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := StartCollector(ctx, fakeCollector(t, "mute"))
	if err == nil || !strings.Contains(err.Error(), "wait for collector: context deadline exceeded") {
		t.Errorf("error is %v", err)
	}
}

func TestLogKeepsOnlyItsLastWholeLines(t *testing.T) {
	l, err := createLog(filepath.Join(t.TempDir(), "log"), "never")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	line := strings.Repeat("x", 99) + "\n"
	for range 100 {
		if _, err := l.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if want := strings.Repeat(line, tailBytes/len(line)); l.Tail() != want {
		t.Errorf("tail has %d bytes, want %d", len(l.Tail()), len(want))
	}
}
