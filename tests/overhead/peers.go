// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// webServer is an nginx of four workers, which share what RLIMIT_NOFILE allows each, that answers every request with a few bytes.
type webServer struct {
	cmd    *exec.Cmd
	folder string
	url    string
	addr   string
	h2load []string // arguments of the tool that saturates it instead of wrk, if any
}

const nginxConf = `daemon off; worker_processes 4; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 16384; }
http { access_log off; keepalive_requests 100000000; keepalive_timeout 600s;
  client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  server { listen %[2]s %[3]s reuseport backlog=4096; location / { return 200 "hello\n"; } } }
`

// startServer returns when nginx answers HTTP/1.
func startServer(ctx context.Context) (*webServer, error) {
	return startServerOf(ctx, "")
}

// startServerOf starts nginx with an option of its directive listen.
func startServerOf(ctx context.Context, option string) (*webServer, error) {
	addrs, err := harness.FreeAddrs(1)
	if err != nil {
		return nil, err
	}
	addr := addrs[0]
	folder, err := os.MkdirTemp("", "overhead")
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, folder, addr, option), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "nginx", "-p", folder, "-e", filepath.Join(folder, "error.log"), "-c", conf)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start nginx: %w", err)
	}
	s := &webServer{cmd: cmd, folder: folder, url: "http://" + addr + "/", addr: addr}
	for end := time.Now().Add(10 * time.Second); ; {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err == nil {
			return s, conn.Close()
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("wait for nginx: %w", err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// stop ends nginx.
func (s *webServer) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	_ = s.cmd.Wait()
	_ = os.RemoveAll(s.folder)
}

// What the tools say of the requests that were answered.
var (
	wrkRequests    = regexp.MustCompile(`(\d+) requests in`)
	h2loadRequests = regexp.MustCompile(`(\d+) succeeded, 0 failed, 0 errored, 0 timeout`)
)

// saturate keeps both processors busy for the duration and returns the requests that were answered.
func (s *webServer) saturate(ctx context.Context, o options) (float64, error) {
	seconds := strconv.Itoa(max(1, int(o.duration.Seconds())))
	tool, args, requests := "wrk", []string{"-t2", "-c" + strconv.Itoa(o.connections), "-d" + seconds, s.url}, wrkRequests
	if s.h2load != nil {
		tool, args, requests = "h2load", append(slices.Clone(s.h2load), "-t2", "-D"+seconds, s.url), h2loadRequests
	}
	text, err := exec.CommandContext(ctx, tool, args...).CombinedOutput()
	found := requests.FindSubmatch(text)
	if err != nil || found == nil {
		return 0, fmt.Errorf("run %s: %w: %s", tool, err, text)
	}
	return strconv.ParseFloat(string(found[1]), 64)
}
