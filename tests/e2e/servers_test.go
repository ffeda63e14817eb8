// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// site is a running server that writes a line a request: method, path, status, microseconds.
type site struct {
	*harness.Process
	addr string
	log  func() io.ReadCloser
}

// answer is a line of a site's log.
type answer struct {
	label string
	took  time.Duration
}

// answers waits until the log has n lines, and returns them.
func (s *site) answers(t *testing.T, n int) []answer {
	t.Helper()
	var got []answer
	eventually(t, s.Name()+" logs all requests", func() bool {
		got = got[:0]
		log := s.log()
		for lines := bufio.NewScanner(log); lines.Scan(); {
			label, digits, _ := cutLast(lines.Text())
			if us, err := strconv.Atoi(digits); err == nil && strings.Count(label, " ") == 2 {
				got = append(got, answer{label, time.Duration(us) * time.Microsecond})
			}
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		return len(got) >= n
	})
	if len(got) != n {
		t.Fatalf("%s answered %d requests, want %d", s.Name(), len(got), n)
	}
	return got
}

func cutLast(line string) (before, after string, found bool) {
	i := strings.LastIndexByte(line, ' ')
	if i < 0 {
		return line, "", false
	}
	return line[:i], line[i+1:], true
}

// startApache starts Apache httpd with one of its ways to serve many connections.
func startApache(t *testing.T, mpm string) *site {
	t.Helper()
	binary := needTool(t, "apache2", "apache2-bin")
	addrs, err := harness.FreeAddrs(1)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	www := filepath.Join(folder, "www")
	if err := os.Mkdir(www, 0o755); err != nil {
		t.Fatal(err)
	}
	writeFiles(t, www)
	for path := folder; path != os.TempDir() && path != "/"; path = filepath.Dir(path) {
		if err := os.Chmod(path, 0o755); err != nil { // its children are of another user
			t.Fatal(err)
		}
	}
	config, err := filepath.Abs("testdata/apache.conf")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{addr: addrs[0], log: func() io.ReadCloser { return open(t, filepath.Join(folder, "access.log")) }}
	s.Process, _ = startPeer(t, harness.ProcessSpec{
		Name: "Apache httpd " + mpm, Path: binary, Args: []string{"-D", "FOREGROUND", "-f", config},
		Env: []string{"MPM=" + mpm, "FOLDER=" + folder, "LISTEN=" + s.addr},
	})
	t.Cleanup(func() {
		// To be killed would leave its children.
		if err := s.Stop(grace); err != nil {
			t.Error(err)
		}
	})
	listening(t, s.Process, s.addr)
	return s
}

func open(t *testing.T, path string) io.ReadCloser {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// startScript starts a server from testdata, which says where it listens.
func startScript(t *testing.T, name, program, debian string, args ...string) *site {
	t.Helper()
	process, out := startPeer(t, harness.ProcessSpec{Name: name, Path: needTool(t, program, debian), Args: args})
	s := &site{Process: process, log: func() io.ReadCloser { return io.NopCloser(strings.NewReader(out.String())) }}
	announced := regexp.MustCompile(`^port (\d+)\n`)
	eventually(t, name+" listens", func() bool {
		select {
		case <-process.Done():
			t.Fatalf("%s ended: %v", name, process.Err())
		default:
		}
		if match := announced.FindStringSubmatch(out.String()); match != nil {
			s.addr = "127.0.0.1:" + match[1]
		}
		return s.addr != ""
	})
	return s
}
