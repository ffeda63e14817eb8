// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// process is a server in a process of its own.
type process struct {
	name    string
	addr    string
	command *exec.Cmd
	log     *bytes.Buffer // to be read when it has ended
	folder  string        // removed at the end; empty for none
	stdin   io.Closer     // closed to end it; nil to send SIGTERM
}

// start runs a program and waits until it listens.
func (p *process) start(ctx context.Context, name string, args ...string) error {
	p.log = &bytes.Buffer{}
	p.command = exec.CommandContext(ctx, name, args...)
	p.command.Stdout, p.command.Stderr = p.log, p.log
	if err := p.command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		if conn, err := net.DialTimeout("tcp", p.addr, time.Second); err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			_ = p.command.Process.Kill() // it may have ended
			_ = p.command.Wait()
			return fmt.Errorf("start %s: it does not listen on %s:\n%s", p.name, p.addr, p.log)
		case <-ticker.C:
		}
	}
}

// end ends the process and waits for it.
func (p *process) end() error {
	defer func() { _ = os.RemoveAll(p.folder) }() // "" removes nothing
	var err error
	if p.stdin != nil {
		err = p.stdin.Close()
	} else {
		err = errors.Join(p.command.Process.Signal(syscall.SIGCONT), p.command.Process.Signal(syscall.SIGTERM))
	}
	if err := errors.Join(err, p.command.Wait()); err != nil {
		return fmt.Errorf("end %s: %w\n%s", p.name, err, p.log)
	}
	return nil
}

func startRedis(ctx context.Context) (*process, error) {
	addrs, err := harness.FreeAddrs(1)
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addrs[0])
	p := &process{name: "redis", addr: addrs[0]}
	return p, p.start(ctx, "redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no")
}

// collectorConfig scores questions about a password that is being guessed: two features and three rules.
const collectorConfig = `
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}}}}
extensions:
  riskstate:
    redis: {addresses: [%q]}
    scoring: {http: {endpoint: %q}}
processors:
  risk:
    state: riskstate
    features:
      - {name: ip_requests_1m, type: rate, entity: ip, window: 1m}
      - {name: accounts_per_ip, type: distinct, entity: ip, of: user, window: 10m}
    rules:
      - {name: flood, condition: 'Feature("ip_requests_1m") > 50', weight: 0.5}
      - {name: stuffing, condition: 'Feature("accounts_per_ip") > 20', weight: 0.8}
      - {name: guessed, condition: 'attributes["http.response.status_code"] == 401', weight: 0.3}
exporters: {debug: }
service:
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %s}}}}]}, logs: {level: error}}
  extensions: [riskstate]
  pipelines: {traces: {receivers: [otlp], processors: [risk], exporters: [debug]}}
`

func startCollector(ctx context.Context, bin, redis string) (*process, error) {
	addrs, err := harness.FreeAddrs(2)
	if err != nil {
		return nil, err
	}
	addr := addrs[0]
	_, port, _ := net.SplitHostPort(addrs[1])
	folder, err := os.MkdirTemp("", "score-")
	if err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	p := &process{name: "otelcol", addr: addr, folder: folder}
	path := folder + "/config.yaml"
	if err := os.WriteFile(path, fmt.Appendf(nil, collectorConfig, redis, addr, port), 0o600); err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	return p, p.start(ctx, bin, "--config", path)
}

// echoChild is this program's argument in the role of the plain server.
const echoChild = "-echo-child"

func startEcho(ctx context.Context) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	p := &process{name: "net/http", log: &bytes.Buffer{}, command: exec.CommandContext(ctx, self, echoChild)}
	p.command.Stderr = p.log
	if p.stdin, err = p.command.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	stdout, err := p.command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read address of %s: %w", p.name, err), p.end())
	}
	p.addr = strings.TrimSpace(line)
	return p, nil
}

// serveEcho is the plain server: it answers with what it was sent, until its input ends.
func serveEcho(in io.Reader, out io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = w.Write(body) // a client that is gone does not wait for it
	})}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	if _, err := fmt.Fprintln(out, listener.Addr()); err != nil {
		return fmt.Errorf("print address: %w", err)
	}
	_, err = io.Copy(io.Discard, in)
	err = errors.Join(err, server.Close())
	if serveErr := <-done; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}
