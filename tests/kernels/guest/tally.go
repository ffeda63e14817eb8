// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
)

// tally is what came of the tests of one program or of all. The zero value is none.
type tally struct {
	passed, failed, skipped int
	notes                   []string // what failed or was skipped, and why
}

func (t *tally) add(other tally) {
	t.passed += other.passed
	t.failed += other.failed
	t.skipped += other.skipped
}

// countTests reads what a Go test program prints with -test.v. Subtests are in their parent's figure, but are named in
// the notes. What a test logged stands before its verdict or, for a parent, before that of its subtests; so a note says
// the last thing that was logged.
func countTests(output []byte) tally {
	var t tally
	logged := ""
	for line := range bytes.Lines(output) {
		text := strings.TrimSpace(string(line))
		verdict, test, found := strings.Cut(strings.TrimPrefix(text, "--- "), ": ")
		if !found || !strings.HasPrefix(text, "--- ") {
			if strings.HasPrefix(text, "=== RUN") {
				logged = ""
			} else if strings.Contains(text, "_test.go:") {
				logged = text
			}
			continue
		}
		one := 1
		if strings.HasPrefix(string(line), " ") {
			one = 0
		}
		switch verdict {
		case "PASS":
			t.passed += one
		case "FAIL":
			t.failed += one
			t.notes = append(t.notes, "failed: "+test)
		case "SKIP":
			t.skipped += one
			t.notes = append(t.notes, "skipped: "+test+": "+logged)
		}
	}
	return t
}
