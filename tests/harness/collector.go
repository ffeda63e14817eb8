// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// CollectorSpec says how to start the collector.
type CollectorSpec struct {
	// Binary and Config are the paths of the executable and of its configuration file.
	Binary, Config string
	// Over are the paths of further configuration files, each merged over those before it.
	Over []string
	// Env is added to the environment; the configuration refers to it as ${env:NAME}.
	Env []string
	// Log is the path of the file that its output is written to. It is created anew.
	Log string
	// SysProcAttr is passed on to [StartProcess].
	SysProcAttr *syscall.SysProcAttr
}

// readyMessage is logged by the collector's service once every component has started. There is no earlier sign that
// holds for all configurations: health_check, for example, answers only where it is configured.
const readyMessage = "Everything is ready. Begin running and processing data."

// Collector is a running collector. Its methods are those of [Process].
type Collector struct {
	*Process
	log *logFile
}

// StartCollector starts the collector and returns once every component of it has started. When the collector ends
// before that, or the context does, the error quotes the end of its log.
func StartCollector(ctx context.Context, spec CollectorSpec) (*Collector, error) {
	log, err := createLog(spec.Log, readyMessage)
	if err != nil {
		return nil, err
	}
	args := []string{"--config", spec.Config}
	for _, over := range spec.Over {
		args = append(args, "--config", over)
	}
	process, err := StartProcess(ProcessSpec{
		Name: "collector", Path: spec.Binary, Args: args,
		Env: spec.Env, Stdout: log, Stderr: log, SysProcAttr: spec.SysProcAttr,
	})
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	c := &Collector{Process: process, log: log}
	select {
	case <-log.seen:
		return c, nil
	case <-process.Done():
		err = process.Err()
		if err == nil {
			err = errors.New("collector ended before it was ready")
		}
	case <-ctx.Done():
		err = errors.Join(fmt.Errorf("wait for collector: %w", ctx.Err()), process.Kill())
	}
	return nil, errors.Join(c.Explain(err), log.Close())
}

// Stop ends the collector as [Process.Stop] does and closes its log.
func (c *Collector) Stop(grace time.Duration) error {
	err := c.Process.Stop(grace)
	if err != nil {
		err = c.Explain(err)
	}
	return errors.Join(err, c.log.Close())
}

// Explain adds where the log is, and its last lines, to an error.
func (c *Collector) Explain(err error) error {
	return fmt.Errorf("%w; its log is %s and ends with:\n%s", err, c.log.path, c.log.Tail())
}

// Log returns everything that the collector has logged so far.
func (c *Collector) Log() (string, error) {
	content, err := os.ReadFile(c.log.path)
	if err != nil {
		return "", fmt.Errorf("read collector log: %w", err)
	}
	return string(content), nil
}

// logFile is a file that remembers its last bytes and notices when a message is written to it.
type logFile struct {
	path string
	seen chan struct{} // closed once the message was written

	mu struct {
		sync.Mutex // guards the following; the writer is a goroutine of [os/exec]
		file       *os.File
		message    []byte // nil once it was seen
		tail       []byte
	}
}

// tailBytes is enough for the error and the usage text that a collector ends with.
const tailBytes = 4096

func createLog(path, message string) (*logFile, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("create collector log: %w", err)
	}
	l := &logFile{path: path, seen: make(chan struct{})}
	l.mu.file, l.mu.message = file, []byte(message)
	return l, nil
}

// Write appends to the file. The message is found even if it is split over two writes, and told once it is in the file.
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.mu.file.Write(p)
	l.mu.tail = append(l.mu.tail, p...)
	if l.mu.message != nil && bytes.Contains(l.mu.tail, l.mu.message) {
		l.mu.message = nil
		close(l.seen)
	}
	if surplus := len(l.mu.tail) - tailBytes; surplus > 0 {
		l.mu.tail = append(l.mu.tail[:0], l.mu.tail[surplus:]...)
	}
	return n, err
}

// Tail returns the last lines written.
func (l *logFile) Tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	tail := l.mu.tail
	if len(tail) == tailBytes {
		if end := bytes.IndexByte(tail, '\n'); end >= 0 {
			tail = tail[end+1:]
		}
	}
	return string(tail)
}

// Close closes the file. A second call does nothing.
func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	file := l.mu.file
	l.mu.file = nil
	if file == nil {
		return nil
	}
	return file.Close()
}
