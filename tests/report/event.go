// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"strings"
)

// event is one line of `go test -json`; `go doc test2json` and `go help buildjson` describe the fields.
type event struct {
	Action      string
	Package     string
	ImportPath  string // in place of Package in build events
	Test        string // empty in events of a whole package
	Elapsed     float64
	Output      string
	FailedBuild string // in a package's fail event: import path of what did not compile
}

// parseEvent reads a line as an event. It returns false for a line that is not one, such as a message of the go
// command.
func parseEvent(line string) (event, bool) {
	if !strings.HasPrefix(line, "{") {
		return event{}, false
	}
	var e event
	if json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
		return event{}, false
	}
	return e, true
}

// isFrame tells whether a line of output belongs to go test's own framing (`=== RUN`, `--- SKIP:`, `FAIL` and the
// like) and says nothing that the events do not say.
func isFrame(output string) bool {
	text := strings.TrimLeft(strings.TrimSuffix(output, "\n"), " ")
	switch {
	case strings.HasPrefix(text, "=== "), strings.HasPrefix(text, "--- "):
		return true
	case text == "PASS", text == "FAIL", strings.HasPrefix(text, "FAIL\t"), strings.HasPrefix(text, "ok  \t"):
		return true
	}
	return false
}
