// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	// patience bounds every wait: long enough for a busy machine, short enough to be told why.
	patience = 60 * time.Second
	// grace is what a program gets to end.
	grace = 20 * time.Second
)

// collectorBinary returns the collector under test, or skips.
func collectorBinary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("OTELCOL_RISK_BIN")
	if path == "" {
		path = "../../bin/otelcol-risk"
	}
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("needs the collector: make build")
	}
	return path
}

// needRoot skips unless the kernel lets us load programs.
func needRoot(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux: run there")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root: run as root")
	}
}

// needTool returns the path of a program that is in a Debian package, or skips.
func needTool(t *testing.T, name, debian string) string {
	t.Helper()
	for _, folder := range []string{"", "/usr/sbin/", "/usr/local/sbin/"} {
		if path, err := exec.LookPath(folder + name); err == nil {
			return path
		}
	}
	t.Skipf("needs %s: apt-get install %s", name, debian)
	return ""
}

// within returns a context for one wait.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx := within(t, patience)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("%s: not after %v", what, patience)
		}
	}
}
