// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// events shortens the tables: one event a line, of package p, as `action [test] [output]`.
func events(lines ...string) string {
	var b strings.Builder
	for _, line := range lines {
		fields := strings.SplitN(line, " ", 3)
		b.WriteString(`{"Action":"` + fields[0] + `","Package":"p"`)
		if len(fields) > 1 && fields[1] != "-" {
			b.WriteString(`,"Test":"` + fields[1] + `"`)
		}
		if len(fields) > 2 {
			b.WriteString(`,"Output":"` + fields[2] + `\n"`)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

func TestReport(t *testing.T) {
	tests := map[string]struct {
		stream     string
		requireAll bool
		ok         bool
		want       []string
		not        []string
	}{
		"a package that passes prints one line": {
			stream: events("run TestA", "output TestA === RUN TestA", "pass TestA", "pass"),
			ok:     true,
			want:   []string{"ok    p", "1 passed, 0 failed, 0 skipped\n"},
			not:    []string{"=== RUN", "skipped:"},
		},
		"a failed test prints what it had printed and is named again at the end": {
			stream: events("run TestA", "output TestA     a_test.go:7: got 1, want 2", "fail TestA", "output - FAIL", "fail"),
			want:   []string{"FAIL  p TestA\n          a_test.go:7: got 1, want 2\n", "failed:\n  p TestA\n", "0 passed, 1 failed, 0 skipped\n"},
			not:    []string{"      FAIL\n"},
		},
		"a parent does not count beside its sub-tests": {
			stream: events("run TestA", "run TestA/x", "run TestA/y", "fail TestA/x", "pass TestA/y", "fail TestA", "fail"),
			want:   []string{"FAIL  p TestA/x\n", "1 passed, 1 failed, 0 skipped\n"},
			not:    []string{"FAIL  p TestA\n"},
		},
		"a grandparent does not count either": {
			stream: events("run TestA", "run TestA/x", "run TestA/x/y", "fail TestA/x/y", "fail TestA/x", "fail TestA", "fail"),
			want:   []string{"FAIL  p TestA/x/y\n", "0 passed, 1 failed, 0 skipped\n"},
		},
		"a parent that fails though its sub-tests passed counts": {
			stream: events("run TestA", "run TestA/x", "pass TestA/x", "fail TestA", "fail"),
			want:   []string{"FAIL  p TestA\n", "1 passed, 1 failed, 0 skipped\n"},
		},
		"a skip is listed with its reason": {
			stream: events("run TestA", "output TestA     a_test.go:7: needs nginx: apt-get install nginx", "output TestA --- SKIP: TestA (0.00s)", "skip TestA", "pass"),
			ok:     true,
			want:   []string{"skipped:\n  needs nginx: apt-get install nginx\n      p TestA\n", "0 passed, 0 failed, 1 skipped\n"},
		},
		"a skip's reason is the last message, over all its lines": {
			stream: events("run TestA", "output TestA     a_test.go:5: looking for nginx", "output TestA     a_test.go:7: needs nginx:", "output TestA         apt-get install nginx", "skip TestA", "pass"),
			ok:     true,
			want:   []string{"  needs nginx: apt-get install nginx\n"},
			not:    []string{"looking for"},
		},
		"a skip without a message is listed as such": {
			stream: events("run TestA", "skip TestA", "pass"),
			ok:     true,
			want:   []string{"  no reason given\n      p TestA\n"},
		},
		"with REQUIRE_ALL a skip is a failure": {
			stream:     events("run TestA", "skip TestA", "run TestB", "pass TestB", "pass"),
			requireAll: true,
			want:       []string{"REQUIRE_ALL=1 does not allow", "1 passed, 0 failed, 1 skipped\n"},
		},
		"with REQUIRE_ALL and nothing skipped all is well": {
			stream:     events("run TestA", "pass TestA", "pass"),
			requireAll: true,
			ok:         true,
		},
		"what the caller left out counts as a skip": {
			stream: events("run TestA", "pass TestA", "pass") + "skip: race detector in tests: needs a C compiler: apt-get install gcc\n",
			ok:     true,
			want:   []string{"  needs a C compiler: apt-get install gcc\n      race detector in tests\n", "1 passed, 0 failed, 1 skipped\n"},
		},
		"a package that fails outside of its tests counts once": {
			stream: events("run TestA", "pass TestA", "output - found unexpected goroutines", "fail"),
			want:   []string{"FAIL  p\n      found unexpected goroutines\n", "1 passed, 1 failed, 0 skipped\n"},
		},
		"a slash in a name makes no test that never ended": {
			stream: events("run TestA", "run TestA/b/c", "pass TestA/b/c", "pass TestA", "run TestB", "fail TestB", "fail"),
			want:   []string{"FAIL  p TestB\n\n", "1 passed, 1 failed, 0 skipped\n"},
		},
		"a test that never ended failed": {
			stream: events("run TestA", "run TestB", "pass TestA", "output - panic: test timed out", "fail"),
			want:   []string{"FAIL  p TestB\n      the test did not end\n", "panic: test timed out", "1 passed, 1 failed, 0 skipped\n"},
		},
		"of a parent and a sub-test that never ended, the sub-test failed": {
			stream: events("run TestA", "run TestA/x", "fail"),
			want:   []string{"FAIL  p TestA/x\n", "0 passed, 1 failed, 0 skipped\n"},
		},
		"a package whose end is missing failed": {
			stream: events("run TestA", "pass TestA"),
			want:   []string{"FAIL  p\n", "1 passed, 1 failed, 0 skipped\n"},
		},
		"a package without tests says nothing": {
			stream: events("run TestA", "pass TestA", "pass") + `{"Action":"skip","Package":"q"}` + "\n",
			ok:     true,
			want:   []string{"1 passed, 0 failed, 0 skipped\n"},
			not:    []string{"q"},
		},
		"a build that fails shows the compiler's words": {
			stream: `{"ImportPath":"p [p.test]","Action":"build-output","Output":"p/a.go:3: undefined: x\n"}` + "\n" +
				`{"ImportPath":"p [p.test]","Action":"build-fail"}` + "\n" +
				`{"Action":"start","Package":"p"}` + "\n" +
				`{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}` + "\n",
			want: []string{"FAIL  p\n      p/a.go:3: undefined: x\n", "0 passed, 1 failed, 0 skipped\n"},
		},
		"a command that fails without any event counts": {
			stream: "go: cannot load module\nexit 1: go test in tests\n",
			want:   []string{"go: cannot load module\n", "FAIL  go test in tests ended with exit code 1\n", "0 passed, 1 failed, 0 skipped\n"},
		},
		"a command that fails because of a failed test counts once": {
			stream: events("run TestA", "fail TestA", "fail") + "exit 1: go test in tests\n",
			want:   []string{"0 passed, 1 failed, 0 skipped\n"},
		},
		"an earlier failure does not explain a later command's": {
			stream: events("run TestA", "fail TestA", "fail") + "exit 1: go test in a\nexit 1: go test in b\n",
			want:   []string{"FAIL  go test in b ended", "0 passed, 2 failed, 0 skipped\n"},
		},
		"a package that is tested twice counts twice": {
			stream: events("run TestA", "pass TestA", "pass") + events("run TestA", "fail TestA", "fail"),
			want:   []string{"1 passed, 1 failed, 0 skipped\n"},
		},
		"lines of other programs pass, downloads do not": {
			stream: "== plain: tests\ngo: downloading example.org/m v1.0.0\n{not json\nexit nowhere\n" + events("run TestA", "pass TestA", "pass"),
			ok:     true,
			want:   []string{"== plain: tests\n", "{not json\n", "exit nowhere\n"},
			not:    []string{"downloading"},
		},
		"nothing tested is not well": {
			stream: "exit 0: go test in tests\n",
			want:   []string{"no test was run"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			ok, err := report(strings.NewReader(tt.stream), &out, tt.requireAll)
			if err != nil {
				t.Fatal(err)
			}
			if ok != tt.ok {
				t.Errorf("all is well: %t, want %t", ok, tt.ok)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q", want)
				}
			}
			for _, not := range tt.not {
				if strings.Contains(out.String(), not) {
					t.Errorf("%q is printed", not)
				}
			}
			if t.Failed() {
				t.Logf("report:\n%s", out.String())
			}
		})
	}
}

func TestReportTellsThatTheStreamBroke(t *testing.T) {
	broken := errors.New("broken pipe")
	in := io.MultiReader(strings.NewReader(events("run TestA", "pass TestA", "pass")), iotest.ErrReader(broken))
	if ok, err := report(in, io.Discard, false); ok || !errors.Is(err, broken) {
		t.Errorf("got %t and error %v, want false and %v", ok, err, broken)
	}
}

// TestReportOfRealRun guards against a go command whose events differ from those of the table above.
func TestReportOfRealRun(t *testing.T) {
	goCommand, err := exec.LookPath("go")
	if err != nil {
		t.Skip("needs the go command in PATH")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.org/m\n\ngo 1.26\n",
		"good/good_test.go": "package good\nimport \"testing\"\n" +
			"func TestPass(t *testing.T) { t.Run(\"sub\", func(t *testing.T) {}) }\n" +
			"func TestSkip(t *testing.T) { t.Skip(\"needs nginx: apt-get install nginx\") }\n",
		"bad/bad_test.go":       "package bad\nimport \"testing\"\nfunc TestFail(t *testing.T) { t.Error(\"one is not two\") }\n",
		"panics/panics_test.go": "package panics\nimport \"testing\"\nfunc TestPanic(t *testing.T) { panic(\"at the disco\") }\n",
		"broken/broken_test.go": "package broken\nimport \"testing\"\nfunc TestBuild(t *testing.T) { undefined() }\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), goCommand, "test", "-json", "./...")
	command.Dir = dir
	command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	stream, err := command.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("run go test: got %v, want a non-zero exit code", err)
	}

	var out strings.Builder
	ok, err := report(strings.NewReader(string(stream)), &out, false)
	if ok || err != nil {
		t.Errorf("got %t and error %v, want false and none", ok, err)
	}
	for _, want := range []string{
		"one is not two", "at the disco", "undefined: undefined",
		"  needs nginx: apt-get install nginx\n      example.org/m/good TestSkip\n",
		"\n1 passed, 3 failed, 1 skipped\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in the report:\n%s", want, out.String())
		}
	}
}

// FuzzReport holds the report to its promises for any stream: it does not panic, it ends with the counts or says that
// nothing was tested, and it never finds well what has a failure in it.
func FuzzReport(f *testing.F) {
	f.Add(events("run TestA", "run TestA/x", "fail TestA/x", "fail TestA", "fail"))
	f.Add("skip: a: b\nexit 1: c\n")
	f.Fuzz(func(t *testing.T, stream string) {
		var out strings.Builder
		ok, err := report(strings.NewReader(stream), &out, false)
		if err != nil {
			t.Fatal(err)
		}
		text := out.String()
		if !strings.HasSuffix(text, " skipped\n") && !strings.HasSuffix(text, "\nno test was run\n") {
			t.Errorf("the report ends with %q", text[max(0, len(text)-40):])
		}
		if ok && !strings.Contains(text, " 0 failed, ") {
			t.Errorf("all is well with failures:\n%s", text)
		}
	})
}
