// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package distro

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// maxBinary is the size in bytes that the binary may have.
const maxBinary = 120 << 20

func TestBinaryIsStaticAndSmall(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs an ELF binary: run on Linux")
	}
	path := binary(t)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > maxBinary {
		t.Errorf("%d bytes, want at most %d", info.Size(), maxBinary)
	}
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for _, program := range file.Progs {
		if program.Type == elf.PT_INTERP {
			t.Error("the binary asks for a dynamic loader")
		}
	}
	if libraries, err := file.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("the binary needs libraries %q (error %v), want none", libraries, err)
	}
}

// zones needs to know when a day begins in Berlin.
const zones = `
receivers: {otlp: {protocols: {grpc: {endpoint: "localhost:4317"}}}}
processors: {risk: {features: [{name: today, type: count, entity: ip, calendar_day: Europe/Berlin}]}}
exporters: {debug: {}}
service: {pipelines: {traces: {receivers: [otlp], processors: [risk], exporters: [debug]}}}
`

// TestBinaryNeedsNothingBesideIt runs it as in a container image that holds nothing else: no libraries, no time zones.
func TestBinaryNeedsNothingBesideIt(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to change the root folder")
	}
	image := t.TempDir()
	if output, err := exec.CommandContext(t.Context(), "cp", binary(t), filepath.Join(image, "otelcol-risk")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if err := os.WriteFile(filepath.Join(image, "zones.yaml"), []byte(zones), 0o644); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "/otelcol-risk", "validate", "--config=/zones.yaml")
	command.Dir, command.Env, command.SysProcAttr = "/", []string{}, &syscall.SysProcAttr{Chroot: image}
	if output, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}

// module is a line of builder-config.yaml.
var module = regexp.MustCompile(`(?m)^  - gomod: (\S+) (v\S+)$`)

// TestBinaryHasWhatTheManifestNames guards against a distro/ that was not generated from builder-config.yaml, and
// against a component at another version than the manifest says.
func TestBinaryHasWhatTheManifestNames(t *testing.T) {
	manifest, err := os.ReadFile(filepath.Join(root, "builder-config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	components, err := collector(t.Context(), t, "components")
	if err != nil {
		t.Fatal(err)
	}
	wanted := module.FindAllStringSubmatch(string(manifest), -1)
	if len(wanted) == 0 {
		t.Fatal("no component in builder-config.yaml")
	}
	for _, m := range wanted {
		if !strings.Contains(components, m[1]+" "+m[2]+"\n") {
			t.Errorf("%s %s is not in the binary", m[1], m[2])
		}
	}
	for _, owned := range []string{
		"name: ebpf\n      module: github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver",
		"name: risk\n      module: github.com/otelcol-risk/otelcol-risk/processor/riskprocessor",
		"name: kafka\n      module: github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter",
	} {
		if !strings.Contains(components, owned) {
			t.Errorf("no %q in:\n%s", owned, components)
		}
	}
}

func TestBinaryTellsItsVersion(t *testing.T) {
	manifest, err := os.ReadFile(filepath.Join(root, "builder-config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^  version: (\S+)$`).FindStringSubmatch(string(manifest))
	if version == nil {
		t.Fatal("no version in builder-config.yaml")
	}
	output, err := collector(t.Context(), t, "--version")
	if err != nil {
		t.Fatal(err)
	}
	if want := "otelcol-risk version " + version[1]; strings.TrimSpace(output) != want {
		t.Errorf("got %q, want %q", strings.TrimSpace(output), want)
	}
}
