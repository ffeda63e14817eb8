// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"sort"
	"strings"
)

// modulePath is cut off package names: every package is ours.
const modulePath = "github.com/otelcol-risk/otelcol-risk/"

// session is the whole stream: any number of runs. It is not safe for concurrent use.
type session struct {
	out io.Writer

	runs   map[string]*run             // by package, those that have not ended
	builds map[string]*strings.Builder // by import path: what the compiler said

	passed     int
	failures   []string            // names, in the order in which they were seen
	skips      map[string][]string // by reason: names
	failedMark int                 // len(failures) at the last `exit` line
}

func newSession(out io.Writer) *session {
	return &session{
		out:    out,
		runs:   make(map[string]*run),
		builds: make(map[string]*strings.Builder),
		skips:  make(map[string][]string),
	}
}

// print ignores write errors: the writer is a bufio.Writer, whose Flush reports them.
func (s *session) print(format string, args ...any) {
	_, _ = fmt.Fprintf(s.out, format, args...)
}

func (s *session) line(line string) {
	if e, ok := parseEvent(line); ok {
		s.event(e)
		return
	}
	var code int
	var what string
	switch {
	case strings.HasPrefix(line, "skip: "):
		what, reason, _ := strings.Cut(strings.TrimPrefix(line, "skip: "), ": ")
		s.skip(what, reason)
	case strings.HasPrefix(line, "exit "):
		if _, err := fmt.Sscanf(line, "exit %d:", &code); err != nil {
			s.print("%s\n", line)
			return
		}
		_, what, _ = strings.Cut(line, ": ")
		s.exit(code, what)
	case strings.HasPrefix(line, "go: downloading "):
	default:
		s.print("%s\n", line)
	}
}

func (s *session) event(e event) {
	switch e.Action {
	case "build-output":
		if s.builds[e.ImportPath] == nil {
			s.builds[e.ImportPath] = &strings.Builder{}
		}
		s.builds[e.ImportPath].WriteString(e.Output)
		return
	case "build-fail":
		return
	}
	r := s.runs[e.Package]
	if r == nil {
		r = newRun(e.Package)
		s.runs[e.Package] = r
	}
	r.add(e)
	if e.Test == "" && (e.Action == "pass" || e.Action == "fail" || e.Action == "skip") {
		s.endPackage(r, e)
		delete(s.runs, e.Package)
	}
}

// endPackage counts and prints a run. end is the package's own last event.
func (s *session) endPackage(r *run, end event) {
	name := strings.TrimPrefix(r.pkg, modulePath)
	bad := outcome(end.Action) == failed
	before := len(s.failures)
	counted := r.counted(bad)
	for _, t := range counted {
		switch t.outcome {
		case passed:
			s.passed++
		case skipped:
			s.skip(name+" "+t.name, t.reason())
		case failed:
			s.fail(name+" "+t.name, t.output.String())
		}
	}
	switch {
	case bad && (len(s.failures) == before || end.FailedBuild != ""):
		text := r.output.String()
		if b := s.builds[end.FailedBuild]; b != nil {
			text = b.String()
		}
		s.fail(name, text)
	case bad:
		// A panic's stack, or a data race that was found after the tests, is printed outside of any test.
		s.print("%s", indent(r.output.String()))
	case len(counted) > 0:
		s.print("ok    %-60s %4d tests %8.2f s\n", name, len(counted), end.Elapsed)
	}
}

func (s *session) skip(what, reason string) {
	s.skips[reason] = append(s.skips[reason], what)
}

func (s *session) fail(what, output string) {
	s.failures = append(s.failures, what)
	s.print("FAIL  %s\n%s", what, indent(output))
}

// exit takes note of how a command of the caller ended.
func (s *session) exit(code int, what string) {
	if code != 0 && len(s.failures) == s.failedMark {
		s.fail(fmt.Sprintf("%s ended with exit code %d", what, code), "")
	}
	s.failedMark = len(s.failures)
}

// close prints the end of the report and tells whether all is well.
func (s *session) close(requireAll bool) bool {
	names := make([]string, 0, len(s.runs))
	for name := range s.runs {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		s.endPackage(s.runs[name], event{Action: string(failed)})
	}

	skips := s.printSkips(requireAll)
	if len(s.failures) > 0 {
		s.print("\nfailed:\n")
		for _, name := range s.failures {
			s.print("  %s\n", name)
		}
	}
	if s.passed+len(s.failures)+skips == 0 {
		s.print("\nno test was run\n")
		return false
	}
	s.print("\n%d passed, %d failed, %d skipped\n", s.passed, len(s.failures), skips)
	return len(s.failures) == 0 && (skips == 0 || !requireAll)
}

// printSkips lists what was skipped by reason and returns how many tests that is.
func (s *session) printSkips(requireAll bool) int {
	reasons := make([]string, 0, len(s.skips))
	for reason := range s.skips {
		reasons = append(reasons, reason)
	}
	sort.Strings(reasons)
	if len(reasons) > 0 && requireAll {
		s.print("\nskipped, which REQUIRE_ALL=1 does not allow:\n")
	} else if len(reasons) > 0 {
		s.print("\nskipped:\n")
	}
	total := 0
	for _, reason := range reasons {
		s.print("  %s\n", reason)
		for _, what := range s.skips[reason] {
			s.print("      %s\n", what)
			total++
		}
	}
	return total
}

// indent sets the lines of a failed test's output off from the names around it.
func indent(output string) string {
	var b strings.Builder
	for line := range strings.Lines(output) {
		b.WriteString("      ")
		b.WriteString(strings.TrimSuffix(line, "\n"))
		b.WriteByte('\n')
	}
	return b.String()
}
