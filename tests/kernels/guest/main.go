// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Command guest runs compiled test programs and tells how many tests passed, failed and were skipped.
//
// As process 1, in the initial file system that tests/kernels/run.sh packs, it first mounts what the tests need and at
// the end powers the machine off. Otherwise it runs the same programs on the running kernel. Usage: guest DIR, with the
// programs in DIR/NAME/NAME.test; each is run in its own folder. As process 1 DIR is /tests.
//
// TESTS in the environment, which process 1 has from the kernel's command line, is a regular expression of the tests to
// run; without it, all are.
//
// The last line is `result: RELEASE PASSED FAILED SKIPPED PROGRAMS`, where PROGRAMS counts those that ended well. A
// test with subtests counts as one. A line before it names each test that failed or was skipped, with what it said.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	if os.Getpid() == 1 {
		asInit()
		return
	}
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: guest DIR")
		os.Exit(2) //nolint:forbidigo // a command ends its process
	}
	if err := runAll(os.Stdout, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
		os.Exit(1) //nolint:forbidigo // a command ends its process
	}
}

// runAll runs the programs below dir and writes the result line. An error means that they could not be run, or that the
// kernel's release is unknown; tests that fail are in the result.
func runAll(out io.Writer, dir string) error {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return fmt.Errorf("read kernel release: %w", err)
	}
	programs, err := filepath.Glob(filepath.Join(dir, "*", "*.test"))
	if err != nil {
		return fmt.Errorf("list test programs: %w", err)
	}
	var total tally
	ended := 0
	for _, program := range programs {
		output, failed := run(program)
		var exit *exec.ExitError
		if failed != nil && !errors.As(failed, &exit) {
			return fmt.Errorf("run %q: %w", program, failed)
		}
		if failed == nil {
			ended++
		}
		count := countTests(output)
		total.add(count)
		if _, err := io.WriteString(out, describe(program, count.notes, failed, output)); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(out, "result: %s %d %d %d %d\n",
		bytes.TrimSpace(release), total.passed, total.failed, total.skipped, ended)
	return err
}

// describe tells what did not pass in a program, and all that it wrote.
func describe(program string, notes []string, failed error, output []byte) string {
	name := strings.TrimSuffix(filepath.Base(program), ".test")
	var text strings.Builder
	for _, note := range notes {
		text.WriteString(name + ": " + note + "\n")
	}
	if failed != nil {
		text.WriteString(name + ": " + failed.Error() + "\n")
	}
	text.WriteString(name + " wrote:\n" + string(output) + "\n")
	return text.String()
}

func run(program string) ([]byte, error) {
	absolute, err := filepath.Abs(program)
	if err != nil {
		return nil, err
	}
	command := exec.Command(absolute, "-test.v", "-test.timeout=20m", "-test.run="+os.Getenv("TESTS"))
	command.Dir = filepath.Dir(absolute)
	return command.CombinedOutput()
}
