// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

const patience = 60 * time.Second

// running is the demo as a process.
type running struct {
	*harness.Process
	t      *testing.T
	marker string // in the environment of the demo and of all that it starts
	output buffer
}

// runDemo starts the demo with the built collector, or skips.
func runDemo(t *testing.T, args ...string) *running {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc: run on Linux")
	}
	o, err := parse(nil)
	if err == nil {
		_, err = os.Stat(o.binary)
	}
	if err != nil {
		t.Skip("needs the collector: make build")
	}
	d := &running{t: t, marker: mainEnv + "=" + t.Name() + strconv.FormatInt(time.Now().UnixNano(), 36)}
	d.Process, err = harness.StartProcess(harness.ProcessSpec{
		Name: "demo", Path: os.Args[0], Args: args, Env: []string{d.marker, "NO_COLOR=", "TMPDIR=" + t.TempDir()},
		Stdout: &d.output, Stderr: &d.output,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Kill(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(d.output.String())
		}
	})
	return d
}

// end waits for the end of the demo and returns how it ended.
func (d *running) end() error {
	d.t.Helper()
	select {
	case <-d.Done():
	case <-time.After(patience):
		d.t.Fatalf("the demo still runs after %v", patience)
	}
	return d.Err()
}

// until waits until the output has something.
func (d *running) until(pattern string) {
	d.t.Helper()
	wanted := regexp.MustCompile(pattern)
	d.eventually("the output has "+pattern, func() bool { return wanted.MatchString(d.output.String()) })
}

func (d *running) eventually(what string, condition func() bool) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			d.t.Fatalf("%s: not after %v", what, patience)
		}
	}
}

// processes returns the ids of everything that carries the marker and has one of its arguments like this.
func (d *running) processes(argument string) []int {
	d.t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		d.t.Fatal(err)
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		// A process that ends meanwhile cannot be read, and one that has ended but was not waited for has no environment.
		environment, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "environ"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.ESRCH) {
			d.t.Fatal(err)
		}
		if !bytes.Contains(environment, []byte(d.marker)) {
			continue
		}
		if arguments, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline")); err == nil && bytes.Contains(arguments, []byte(argument)) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (d *running) nothingLeft() {
	d.t.Helper()
	d.eventually("nothing is left running", func() bool { return len(d.processes("")) == 0 })
}

// buffer may be read while it is written.
type buffer struct {
	mu     sync.Mutex // guards buffer
	buffer bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// row is a line of the table.
const row = `(?m)^\d\d:\d\d:\d\d  (storefront|crowd|catalog|payment|recommendations) +[<>] (GET|POST) /`

func TestDemoAgreesWithItself(t *testing.T) {
	for _, input := range []string{inputOTLP, inputEBPF} {
		t.Run(input, func(t *testing.T) {
			if input == inputEBPF && os.Geteuid() != 0 {
				t.Skip("needs root: run as root")
			}
			d := runDemo(t, "-input", input, "-duration", "6s")
			if err := d.end(); err != nil {
				t.Fatal(err)
			}
			output := d.output.String()
			for _, want := range []string{
				"They agree: every span is accounted for.", "password_guessing", "card_testing", "TIME      SERVICE ",
				"Summary of 6.", "sampled out",
			} {
				if !strings.Contains(output, want) {
					t.Errorf("the output does not have %q", want)
				}
			}
			if !regexp.MustCompile(row).MatchString(output) {
				t.Error("the output has no row")
			}
			for line := range strings.Lines(output) {
				if width := len([]rune(strings.TrimRight(line, "\n"))); width > 100 {
					t.Errorf("%d columns: %s", width, line)
				}
			}
			if strings.Contains(output, "\x1b") {
				t.Error("coloured although it is not a terminal")
			}
			d.nothingLeft()
		})
	}
}

func TestCtrlCEndsTheDemoInGoodOrder(t *testing.T) {
	d := runDemo(t, "-input", inputOTLP, "-duration", "1h")
	d.until(row)
	if len(d.processes("")) < 6 {
		t.Errorf("only %v run", d.processes(""))
	}
	if err := syscall.Kill(d.Pid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := d.end(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(d.output.String(), "They agree") {
		t.Error("no summary")
	}
	d.nothingLeft()
}

func TestDemoThatIsKilledLeavesNothing(t *testing.T) {
	d := runDemo(t, "-input", inputOTLP, "-duration", "1h")
	d.until(row)
	if err := d.Kill(); err != nil {
		t.Fatal(err)
	}
	d.nothingLeft()
}

func TestProgramThatDiesEndsTheDemoAndIsNamed(t *testing.T) {
	for name, argument := range map[string]string{"payment": "payment", "collector": "demo.yaml"} {
		t.Run(name, func(t *testing.T) {
			d := runDemo(t, "-input", inputOTLP, "-duration", "1h")
			d.until(row)
			for _, pid := range d.processes(argument) {
				// The names of all services are in the arguments of each.
				if arguments, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline")); err == nil &&
					(name == "collector" || bytes.Contains(arguments, []byte("-name\x00"+name+"\x00"))) {
					if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := d.end(); err == nil {
				t.Error("the demo says that all is well")
			}
			for _, want := range []string{"demo: " + name + " ended", "signal: killed", "The collector's log is in "} {
				if !strings.Contains(d.output.String(), want) {
					t.Errorf("the output does not say %q", want)
				}
			}
			removeLog(t, d.output.String())
			d.nothingLeft()
		})
	}
}

func TestCollectorThatCannotStartSaysWhy(t *testing.T) {
	config := filepath.Join(t.TempDir(), "broken.yaml")
	if err := os.WriteFile(config, []byte("receivers: {nosuch: {}}\nservice: {pipelines: {}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := runDemo(t, "-input", inputOTLP, "-config", config)
	if err := d.end(); err == nil {
		t.Error("no error")
	}
	if output := d.output.String(); !strings.Contains(output, "nosuch") || !strings.Contains(output, "collector.log") {
		t.Error("the output does not say why")
	}
	removeLog(t, d.output.String())
	d.nothingLeft()
}

// removeLog removes the log that a demo leaves when something is wrong.
func removeLog(t *testing.T, output string) {
	t.Helper()
	match := regexp.MustCompile(`The collector's log is in (\S+otelcol-risk-demo-\S+)`).FindStringSubmatch(output)
	if match == nil {
		t.Error("the output does not say where the log is")
		return
	}
	if _, err := os.Stat(filepath.Join(match[1], "collector.log")); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(match[1]); err != nil {
		t.Error(err)
	}
}
