// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"regexp"
	"slices"
	"sort"
	"strings"
)

// outcome is how a test ended, in go test's own words.
type outcome string

const (
	passed     outcome = "pass"
	failed     outcome = "fail"
	skipped    outcome = "skip"
	unfinished outcome = "" // started, and no end was seen
)

// test is one test or sub-test of a run.
type test struct {
	name        string
	outcome     outcome
	ran         bool // false for what only looks like a parent: a name may have slashes in it
	output      strings.Builder
	hasChildren bool
	childFailed bool
}

// run is one run of one package's tests. It collects events and is not safe for concurrent use.
type run struct {
	pkg    string
	tests  map[string]*test
	output strings.Builder // printed outside of any test: TestMain, a panic's stack
}

func newRun(pkg string) *run {
	return &run{pkg: pkg, tests: make(map[string]*test)}
}

// named returns the test of that name; the first time, it also marks the parents of a sub-test as parents.
func (r *run) named(name string) *test {
	if t := r.tests[name]; t != nil {
		return t
	}
	t := &test{name: name}
	r.tests[name] = t
	if parent, ok := parentOf(name); ok {
		r.named(parent).hasChildren = true
	}
	return t
}

func (r *run) add(e event) {
	if e.Test == "" {
		if e.Action == "output" && !isFrame(e.Output) {
			r.output.WriteString(e.Output)
		}
		return
	}
	t := r.named(e.Test)
	t.ran = true
	switch e.Action {
	case "output":
		if !isFrame(e.Output) {
			t.output.WriteString(e.Output)
		}
	case "pass", "fail", "skip":
		t.outcome = outcome(e.Action)
	}
}

// counted returns the tests that count, in the order of their names, after settling that a test without an end
// failed if the package did.
func (r *run) counted(packageFailed bool) []*test {
	names := make([]string, 0, len(r.tests))
	for name := range r.tests {
		names = append(names, name)
	}
	sort.Strings(names)
	// From the last name to the first, a sub-test comes before its parent.
	for _, name := range slices.Backward(names) {
		t := r.tests[name]
		if t.ran && t.outcome == unfinished && packageFailed && !t.childFailed {
			t.outcome = failed
			t.output.WriteString("the test did not end\n")
		}
		if parent, ok := parentOf(t.name); ok && (t.outcome == failed || t.childFailed) {
			r.tests[parent].childFailed = true
		}
	}

	var counted []*test
	for _, name := range names {
		t := r.tests[name]
		switch {
		case t.outcome == unfinished:
		case t.hasChildren && t.outcome == passed:
		case t.hasChildren && t.outcome == failed && t.childFailed:
		default:
			counted = append(counted, t)
		}
	}
	return counted
}

func parentOf(name string) (string, bool) {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return "", false
	}
	return name[:i], true
}

// sourceLine is what the testing package puts before a message.
var sourceLine = regexp.MustCompile(`^\s*\S+\.go:\d+: `)

// reason returns the last message of a skipped test, which is the one that t.Skip printed.
func (t *test) reason() string {
	var reason string
	for line := range strings.Lines(t.output.String()) {
		if sourceLine.MatchString(line) {
			reason = sourceLine.ReplaceAllString(line, "")
		} else if reason != "" {
			reason += " " + strings.TrimLeft(line, " ")
		}
		reason = strings.TrimSpace(reason)
	}
	if reason == "" {
		return "no reason given"
	}
	return reason
}
