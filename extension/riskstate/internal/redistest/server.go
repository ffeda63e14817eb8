// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package redistest starts real Redis servers for tests, alone, under a sentinel or as a cluster, and harms them.
//
// Servers listen on ports of the loopback interface that were free a moment ago, keep nothing on disk, and end with the
// test, or with the process if that is killed. A test that cannot have them is skipped, with REQUIRE_ALL=1 it fails.
package redistest

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Patience is how long anything may take on a machine that is busy with other tests.
const Patience = 30 * time.Second

// Server is a running redis-server or valkey-server. Its methods fail the test instead of returning errors.
type Server struct {
	t    testing.TB
	args []string
	addr string
	log  string
	cmd  *exec.Cmd
}

// Start starts a server with the given arguments, besides those that keep it small.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s := &Server{t: t, addr: freeAddr(t), log: filepath.Join(t.TempDir(), "log")}
	s.args = append([]string{"--save", "", "--appendonly", "no"}, args...)
	s.Restart()
	t.Cleanup(s.Kill)
	return s
}

// Addr is where the server listens.
func (s *Server) Addr() string { return s.addr }

// Restart starts the server again, on the same port and without its data; what ran before is killed.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	host, port, _ := net.SplitHostPort(s.addr)
	log, err := os.Create(s.log)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()                                     // the server has a handle of its own
	s.cmd = exec.Command(program(s.t), append(s.config(), append([]string{ //nolint:noctx // ends by Kill
		"--bind", host, "--port", port, "--dir", filepath.Dir(s.log),
	}, s.args...)...)...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = dieWithParent()
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("start %s: %v", s.cmd.Path, err)
	}
	Eventually(s.t, "server answers", func() bool {
		reply := s.ask("PING")
		return reply == "+PONG" || strings.HasPrefix(reply, "-NOAUTH")
	})
}

// config makes a sentinel's configuration file, which it insists on and writes to.
func (s *Server) config() []string {
	if len(s.args) == 0 || s.args[len(s.args)-1] != "--sentinel" {
		return nil
	}
	path := filepath.Join(filepath.Dir(s.log), "sentinel.conf")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return []string{path}
}

// Kill ends the server at once. It may be called when there is none.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill() // it may have ended
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Pause stops the server where it is: connections stay, and nothing is answered.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(signal syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatalf("send %v: %v", signal, err)
	}
}

// Do sends a command and returns the first line of the reply, or the lines of a bulk reply.
func (s *Server) Do(args ...string) string {
	s.t.Helper()
	reply := s.ask(args...)
	if reply == "" || strings.HasPrefix(reply, "-") {
		s.t.Fatalf("%s: reply %q", strings.Join(args, " "), reply)
	}
	return reply
}

// ask is Do without a verdict; the reply is empty if there is none.
func (s *Server) ask(args ...string) string {
	conn, err := net.DialTimeout("tcp", s.addr, time.Second) //nolint:noctx // has its own deadline
	if err != nil {
		return ""
	}
	defer func() { _ = conn.Close() }() // nothing is buffered
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return ""
	}
	command := fmt.Sprintf("*%d\r\n", len(args))
	for _, arg := range args {
		command += fmt.Sprintf("$%d\r\n%s\r\n", len(arg), arg)
	}
	if _, err := conn.Write([]byte(command)); err != nil {
		return ""
	}
	lines := bufio.NewReader(conn)
	first, err := lines.ReadString('\n')
	if err != nil {
		return ""
	}
	first = strings.TrimSuffix(first, "\r\n")
	size, err := strconv.Atoi(strings.TrimPrefix(first, "$"))
	if !strings.HasPrefix(first, "$") || err != nil || size < 0 {
		return first
	}
	bulk := make([]byte, size)
	for read := 0; read < size; {
		n, err := lines.Read(bulk[read:])
		if err != nil {
			return ""
		}
		read += n
	}
	return string(bulk)
}

// program finds a server.
func program(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	need(t, "redis-server")
	return ""
}

func need(t testing.TB, name string) {
	t.Helper()
	if os.Getenv("REQUIRE_ALL") == "1" {
		t.Fatalf("needs %s: apt-get install redis-server", name)
	}
	t.Skipf("needs %s: apt-get install redis-server", name)
}

// freeAddr returns an address of the loopback interface that nobody listens on, with a port that Linux does not give to
// who asks for any port (net.ipv4.ip_local_port_range begins at 32768 unless set): nobody takes it meanwhile.
func freeAddr(t testing.TB) string {
	t.Helper()
	for range 100 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(20000+rand.IntN(32768-20000)))
		listener, err := net.Listen("tcp", addr) //nolint:noctx // closed at once
		if err != nil {
			continue
		}
		_ = listener.Close() // nobody was accepted
		return addr
	}
	t.Fatal("a hundred ports in a row cannot be listened on")
	return ""
}

// Eventually waits for a condition.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(Patience)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", Patience, what)
		}
	}
}
