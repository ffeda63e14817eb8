// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/otelcol-risk/otelcol-risk/tests/demo/tally"
)

const (
	childEnv = "WORKER_TEST_CHILD"
	grace    = 10 * time.Second
)

func TestMain(m *testing.M) {
	if role := os.Getenv(childEnv); role != "" {
		if err := Serve(context.Background(), os.Stdin, os.Stdout, roles(role)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func roles(name string) Role {
	return func(ctx context.Context, ready func(string) error) (tally.Tally, error) {
		switch name {
		case "fails":
			return tally.Tally{}, errors.New("listen on port 80: permission denied")
		case "quits":
			return tally.Tally{Served: 1}, nil
		}
		if err := ready("127.0.0.1:1"); err != nil {
			return tally.Tally{}, err
		}
		<-ctx.Done()
		if name == "hangs" {
			<-time.After(time.Hour) // not select {}: without cgo, the runtime calls that a deadlock and ends
		}
		return tally.Tally{Served: 3, Sent: 2}, nil
	}
}

func start(t *testing.T, role string) *Worker {
	t.Helper()
	w, err := Start("shop", os.Args[0], nil, []string{childEnv + "=" + role})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Kill(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func deadline(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestWorkerReportsItsAddressAndItsTally(t *testing.T) {
	w := start(t, "works")
	addr, err := w.Ready(deadline(t, grace))
	if err != nil || addr != "127.0.0.1:1" {
		t.Fatalf("address %q, error %v", addr, err)
	}
	if err := w.Err(); err != nil {
		t.Errorf("while it runs: %v", err)
	}
	counts, err := w.Finish(deadline(t, grace))
	if want := (tally.Tally{Served: 3, Sent: 2}); err != nil || counts != want {
		t.Errorf("tally %+v, error %v", counts, err)
	}
}

func TestWorkerThatFailsSaysWhy(t *testing.T) {
	w := start(t, "fails")
	_, err := w.Ready(deadline(t, grace))
	if err == nil || !strings.Contains(err.Error(), "shop ended: exit status 1: listen on port 80: permission denied") {
		t.Errorf("error is %v", err)
	}
	if _, err := w.Finish(deadline(t, grace)); err == nil {
		t.Error("to finish a program that failed is no error")
	}
}

func TestWorkerThatEndsTooEarlyIsAnError(t *testing.T) {
	w := start(t, "quits")
	<-w.Done()
	if err := w.Err(); err == nil || !strings.Contains(err.Error(), "shop ended too early") {
		t.Errorf("error is %v", err)
	}
}

func TestWorkerThatDoesNotFinishIsKilled(t *testing.T) {
	w := start(t, "hangs")
	if _, err := w.Ready(deadline(t, grace)); err != nil {
		t.Fatal(err)
	}
	_, err := w.Finish(deadline(t, 50*time.Millisecond))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
	}
	<-w.Done()
}

func TestMessagesMayArriveInPieces(t *testing.T) {
	m := newMessages()
	for _, piece := range []string{`{"addr":"a:1"}` + "\n" + `{"ta`, `lly":{"served":7}}`, "\n"} {
		if _, err := m.Write([]byte(piece)); err != nil {
			t.Fatal(err)
		}
	}
	if addr := <-m.addr; addr != "a:1" {
		t.Errorf("address is %q", addr)
	}
	if got := m.result(); got == nil || got.Served != 7 {
		t.Errorf("tally is %+v", got)
	}
	if _, err := m.Write([]byte("panic: no\n")); err == nil {
		t.Error("a line that is not JSON is no error")
	}
}
