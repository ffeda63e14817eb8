// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
)

// MissingError says that this machine lacks something that a test needs. It is a reason to skip, not a fault.
type MissingError struct {
	// Need is what is missing, as in "kcat".
	Need string
	// Remedy is what to do about it, as in "apt-get install kcat".
	Remedy string
	// Cause is what was seen; nil when the thing is simply not there.
	Cause error
}

// Error is the line that `make test` collects: "needs <what>: <remedy>", with the cause in parentheses.
func (e *MissingError) Error() string {
	text := fmt.Sprintf("needs %s: %s", e.Need, e.Remedy)
	if e.Cause != nil {
		text += fmt.Sprintf(" (%v)", e.Cause)
	}
	return text
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *MissingError) Unwrap() error { return e.Cause }

// Program returns a MissingError unless an executable of that name is in PATH.
func Program(name, need, remedy string) error {
	if _, err := exec.LookPath(name); err != nil {
		return &MissingError{Need: need, Remedy: remedy}
	}
	return nil
}

// SkipOrFail ends the test if err is not nil: a MissingError skips it, unless REQUIRE_ALL=1; anything else fails it.
func SkipOrFail(tb testing.TB, err error) {
	tb.Helper()
	if err == nil {
		return
	}
	var missing *MissingError
	if errors.As(err, &missing) && os.Getenv("REQUIRE_ALL") != "1" {
		tb.Skip(err)
	}
	tb.Fatal(err)
}

// oldestJava is the first Java release that brokers of Kafka 4 run on.
const oldestJava = 17

// javaRelease finds the feature release in what `java -version` prints: 17 in `openjdk version "17.0.15" 2025-04-15`.
var javaRelease = regexp.MustCompile(`version "(\d+)`)

// checkJava returns a MissingError unless `java` is there and new enough.
func checkJava() error {
	remedy := "apt-get install default-jre-headless"
	need := fmt.Sprintf("java %d", oldestJava)
	if err := Program("java", need, remedy); err != nil {
		return err
	}
	printed, err := exec.Command("java", "-version").CombinedOutput()
	if err != nil {
		return &MissingError{Need: need, Remedy: remedy, Cause: fmt.Errorf("run java -version: %w", err)}
	}
	release, err := parseJava(printed)
	if err != nil {
		return err
	}
	if release < oldestJava {
		return &MissingError{Need: need, Remedy: remedy, Cause: fmt.Errorf("found java %d", release)}
	}
	return nil
}

// parseJava reads the feature release from the output of `java -version`. Java 8 calls itself 1.8, which is older too.
func parseJava(printed []byte) (int, error) {
	found := javaRelease.FindSubmatch(printed)
	if found == nil {
		return 0, fmt.Errorf("read java -version: no version in %q", printed)
	}
	release, err := strconv.Atoi(string(found[1]))
	if err != nil {
		return 0, fmt.Errorf("read java -version %q: %w", found[1], err)
	}
	return release, nil
}
