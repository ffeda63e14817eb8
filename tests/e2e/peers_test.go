// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"bytes"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// startPeer runs a program until the end of the test. What it writes can be read from the buffer.
func startPeer(t *testing.T, spec harness.ProcessSpec) (*harness.Process, *buffer) {
	t.Helper()
	out := &buffer{}
	spec.Stdout, spec.Stderr = out, out
	p, err := harness.StartProcess(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("%s wrote:\n%s", p.Name(), tail(out.String()))
		}
	})
	return p, out
}

func tail(s string) string {
	const most = 2000
	return s[max(0, len(s)-most):]
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

// Sizes of the files that servers serve.
const (
	smallSize = 100
	largeSize = 1 << 20
)

// writeFiles fills a folder with /small, /large and /zipped.
func writeFiles(t *testing.T, folder string) {
	t.Helper()
	for name, size := range map[string]int{"small": smallSize, "large": largeSize, "zipped": 10 * smallSize} {
		if err := os.WriteFile(filepath.Join(folder, name), bytes.Repeat([]byte("x"), size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// nginx is a running nginx.
type nginx struct {
	*harness.Process
	addr   string
	folder string
}

func startNginx(t *testing.T) *nginx {
	t.Helper()
	return startNginxOf(t, "")
}

// startNginxOf starts nginx with options of the directive listen.
func startNginxOf(t *testing.T, options string) *nginx {
	t.Helper()
	binary := needTool(t, "nginx", "nginx-light")
	addrs, err := harness.FreeAddrs(1)
	if err != nil {
		t.Fatal(err)
	}
	n := &nginx{addr: addrs[0], folder: t.TempDir()}
	www := filepath.Join(n.folder, "www")
	if err := os.Mkdir(www, 0o755); err != nil {
		t.Fatal(err)
	}
	writeFiles(t, www)
	config, err := os.ReadFile("testdata/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // the folder of the test belongs to root alone
	}
	text := strings.NewReplacer("@FOLDER@", n.folder, "@LISTEN@", n.addr+options, "@USER@", user).Replace(string(config))
	file := filepath.Join(n.folder, "nginx.conf")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	// The folder for its default error log may not exist or not be ours.
	n.Process, _ = startPeer(t, harness.ProcessSpec{
		Name: "nginx", Path: binary, Args: []string{"-c", file, "-p", n.folder, "-e", filepath.Join(n.folder, "error.log")},
	})
	t.Cleanup(func() {
		// To be killed would leave its workers.
		if err := n.Stop(grace); err != nil {
			t.Error(err)
		}
	})
	listening(t, n.Process, n.addr)
	return n
}

// listening waits until a server accepts connections.
func listening(t *testing.T, p *harness.Process, addr string) {
	t.Helper()
	eventually(t, p.Name()+" listens on "+addr, func() bool {
		select {
		case <-p.Done():
			t.Fatalf("%s ended: %v", p.Name(), p.Err())
		default:
		}
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
}

// served waits until the access log has n lines and returns what it says.
func (n *nginx) served(t *testing.T, requests int) exchanges {
	t.Helper()
	var got exchanges
	eventually(t, "nginx logs all requests", func() bool {
		log, err := os.Open(filepath.Join(n.folder, "access.log"))
		if err != nil {
			t.Fatal(err)
		}
		got = exchanges{}
		lines := bufio.NewScanner(log)
		for lines.Scan() {
			got[lines.Text()]++
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		return got.total() >= requests
	})
	if got.total() != requests {
		t.Fatalf("nginx served %d requests, want %d", got.total(), requests)
	}
	return got
}

// python is a running http.server of Python.
type python struct {
	*harness.Process
	addr string
	log  *buffer
}

func startPython(t *testing.T) *python {
	t.Helper()
	folder := t.TempDir()
	writeFiles(t, folder)
	server := &python{}
	server.Process, server.log = startPeer(t, harness.ProcessSpec{
		Name: "python", Path: needTool(t, "python3", "python3-minimal"),
		Args: []string{"-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", folder},
		Env:  []string{"OTEL_SERVICE_NAME=archive"},
	})
	announced := regexp.MustCompile(`HTTP on 127\.0\.0\.1 port (\d+)`)
	eventually(t, "python listens", func() bool {
		if match := announced.FindStringSubmatch(server.log.String()); match != nil {
			server.addr = "127.0.0.1:" + match[1]
		}
		return server.addr != ""
	})
	return server
}

// served waits until the log tells of as many requests and returns what it says.
func (p *python) served(t *testing.T, requests int) exchanges {
	t.Helper()
	line := regexp.MustCompile(`"([A-Z]+) (\S+) HTTP/[0-9.]+" (\d+)`)
	var got exchanges
	eventually(t, "python logs all requests", func() bool {
		got = exchanges{}
		for _, match := range line.FindAllStringSubmatch(p.log.String(), -1) {
			got[match[1]+" "+match[2]+" "+match[3]]++
		}
		return got.total() >= requests
	})
	if got.total() != requests {
		t.Fatalf("python served %d requests, want %d", got.total(), requests)
	}
	return got
}

// curl makes requests one after the other in one process, each given as further arguments and a URL, and returns its
// process id when all are answered. It then stays until the end of the test: who owns a socket is looked up after the
// fact, and a program that has ended by then has no executable and no environment any more.
func curl(t *testing.T, requests ...[]string) (pid int) {
	t.Helper()
	return startCurl(t, nil, requests...)
}

// startCurl is curl with attributes for the process.
func startCurl(t *testing.T, attr *syscall.SysProcAttr, requests ...[]string) (pid int) {
	t.Helper()
	hold := newHold(t)
	var args []string
	for _, request := range append(requests, []string{hold.url}) {
		args = append(args, "--silent", "--show-error", "--max-time", "120", "--output", os.DevNull)
		args = append(args, request...)
		args = append(args, "--next")
	}
	p, out := startPeer(t, harness.ProcessSpec{
		Name: "curl", Path: needTool(t, "curl", "curl"), Args: args[:len(args)-1], SysProcAttr: attr,
		Env: []string{"OTEL_SERVICE_NAME=visitor", "http_proxy=", "NO_PROXY=*"},
	})
	select {
	case <-hold.reached:
	case <-p.Done():
		t.Fatalf("curl ended too early: %v\n%s", p.Err(), tail(out.String()))
	case <-within(t, patience).Done():
		t.Fatal("curl still runs")
	}
	t.Cleanup(func() {
		hold.Close()
		<-p.Done() // with an error: its last request was cut off
	})
	return p.Pid()
}

// hold is a server that never answers.
type hold struct {
	net.Listener
	url     string
	reached chan struct{} // closed once somebody waits for an answer
	ended   chan struct{}
}

func newHold(t *testing.T) *hold {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hold{
		Listener: listener, url: "http://" + listener.Addr().String(),
		reached: make(chan struct{}), ended: make(chan struct{}),
	}
	go h.serve()
	return h
}

func (h *hold) serve() {
	defer close(h.ended)
	conn, err := h.Accept()
	if err != nil {
		return // closed before somebody came
	}
	close(h.reached)
	_, _ = h.Accept() // waits for Close
	_ = conn.Close()
}

// Close lets go of who waits.
func (h *hold) Close() {
	_ = h.Listener.Close()
	<-h.ended
}
