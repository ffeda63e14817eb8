// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestParseJava(t *testing.T) {
	for _, test := range []struct {
		name    string
		printed string
		want    int
	}{
		{"debian 17", "openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime Environment", 17},
		{"first of a release", "openjdk version \"21\" 2023-09-19", 21},
		{"java 8 is older than 17", "java version \"1.8.0_392\"", 1},
		{"options are announced first", "Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version \"25.0.1\"", 25},
	} {
		t.Run(test.name, func(t *testing.T) {
			found, err := parseJava([]byte(test.printed))
			if err != nil || found != test.want {
				t.Errorf("found %d, %v, want %d", found, err, test.want)
			}
		})
	}
	if _, err := parseJava([]byte("no java here")); err == nil {
		t.Error("text without a version was accepted")
	}
}

func TestMissingErrorSaysWhatToDo(t *testing.T) {
	err := Program("surely-no-such-program", "kcat", "apt-get install kcat")
	if err == nil || err.Error() != "needs kcat: apt-get install kcat" {
		t.Errorf("found %v", err)
	}
	err = &MissingError{Need: "java 17", Remedy: "install it", Cause: io.ErrUnexpectedEOF}
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasSuffix(err.Error(), "(unexpected EOF)") {
		t.Errorf("the cause is lost in %q", err)
	}
	if err := Program("go", "", ""); err != nil {
		t.Error(err)
	}
}

func TestMissingProgramSkipsUnlessEverythingIsRequired(t *testing.T) {
	missing := &MissingError{Need: "kcat", Remedy: "apt-get install kcat"}
	for _, test := range []struct {
		name, require    string
		err              error
		skipped, failing bool
	}{
		{"missing program", "", missing, true, false},
		{"missing program, all required", "1", missing, false, true},
		{"fault", "", io.ErrUnexpectedEOF, false, true},
		{"nothing wrong", "1", nil, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("REQUIRE_ALL", test.require)
			recorder := &recorder{TB: t}
			SkipOrFail(recorder, test.err)
			if recorder.skipped != test.skipped || recorder.failed != test.failing {
				t.Errorf("skipped %v, failed %v", recorder.skipped, recorder.failed)
			}
		})
	}
}

// recorder is a testing.TB that notes how it was ended and goes on.
type recorder struct {
	testing.TB
	skipped, failed bool
}

func (r *recorder) Skip(...any)  { r.skipped = true }
func (r *recorder) Fatal(...any) { r.failed = !r.skipped }
