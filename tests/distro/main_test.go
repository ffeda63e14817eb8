// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package distro

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// root is the repository's, seen from this package.
const root = "../.."

// binary returns the path of the built collector.
func binary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("OTELCOL_RISK_BIN")
	if path == "" {
		t.Skip("needs the collector: run make test, or set OTELCOL_RISK_BIN")
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("find the collector: %v", err)
	}
	return path
}

// collector runs the collector until it ends by itself and returns what it printed. The error quotes that.
func collector(ctx context.Context, t *testing.T, args ...string) (string, error) {
	t.Helper()
	output, err := exec.CommandContext(ctx, binary(t), args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("run otelcol-risk %s: %w:\n%s", strings.Join(args, " "), err, output)
	}
	return string(output), err
}

// configs returns the paths of all shipped configurations.
func configs(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "distro", "config", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatal("no configuration in distro/config")
	}
	return paths
}
