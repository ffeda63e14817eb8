// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/otelcol-risk/otelcol-risk/tests/demo/tally"
	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// Worker is a running program of the demo. Its methods may be called by several goroutines.
type Worker struct {
	process *harness.Process
	stdin   *os.File
	stdout  *messages
	stderr  *lines
}

// Start runs the executable at path, which has to call [Serve].
func Start(name, path string, args, env []string) (*Worker, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	w := &Worker{stdin: write, stdout: newMessages(), stderr: &lines{}}
	w.process, err = harness.StartProcess(harness.ProcessSpec{
		Name: name, Path: path, Args: args, Env: env,
		Stdin: read, Stdout: w.stdout, Stderr: w.stderr,
	})
	if err != nil {
		return nil, errors.Join(err, read.Close(), write.Close())
	}
	// The child has its own copy; ours would keep the pipe open.
	if err := read.Close(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), w.Kill())
	}
	return w, nil
}

// Ready waits until the program listens and returns its address.
func (w *Worker) Ready(ctx context.Context) (string, error) {
	select {
	case addr := <-w.stdout.addr:
		return addr, nil
	case <-w.process.Done():
		return "", w.Err()
	case <-ctx.Done():
		return "", fmt.Errorf("wait for %s: %w", w.process.Name(), ctx.Err())
	}
}

// Done is closed when the program has ended.
func (w *Worker) Done() <-chan struct{} { return w.process.Done() }

// Err says why the program ended, or nil while it runs. To end before [Worker.Finish] is an error in any case.
func (w *Worker) Err() error {
	select {
	case <-w.process.Done():
	default:
		return nil
	}
	why := strings.TrimSpace(w.stderr.String())
	if err := w.process.Err(); err != nil {
		return fmt.Errorf("%w: %s", err, why)
	}
	return fmt.Errorf("%s ended too early: %s", w.process.Name(), why)
}

// Finish asks the program to end, waits until it has, and returns what it counted. A program that takes longer than
// the context is killed.
func (w *Worker) Finish(ctx context.Context) (tally.Tally, error) {
	if err := w.stdin.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return tally.Tally{}, fmt.Errorf("end %s: %w", w.process.Name(), err)
	}
	select {
	case <-w.process.Done():
	case <-ctx.Done():
		return tally.Tally{}, errors.Join(fmt.Errorf("end %s: %w", w.process.Name(), ctx.Err()), w.Kill())
	}
	if counts := w.stdout.result(); counts != nil {
		return *counts, nil
	}
	return tally.Tally{}, w.Err()
}

// Kill ends the program at once. That it has ended already is no error.
func (w *Worker) Kill() error {
	err := w.process.Kill()
	if closeErr := w.stdin.Close(); !errors.Is(closeErr, os.ErrClosed) {
		err = errors.Join(err, closeErr)
	}
	return err
}

// messages decodes what the program writes, line by line.
type messages struct {
	addr chan string // holds the first address until it is asked for

	mu struct {
		sync.Mutex // guards the following; the writer is a goroutine of [os/exec]
		partial    []byte
		tally      *tally.Tally
	}
}

func newMessages() *messages { return &messages{addr: make(chan string, 1)} }

// Write takes any piece of the stream. An error ends the copy from the program, which then fails on its next write.
func (m *messages) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.partial = append(m.mu.partial, p...)
	for {
		line, rest, ok := bytes.Cut(m.mu.partial, []byte{'\n'})
		if !ok {
			return len(p), nil
		}
		m.mu.partial = rest
		var got message
		if err := json.Unmarshal(line, &got); err != nil {
			return 0, fmt.Errorf("read report %q: %w", line, err)
		}
		if got.Tally != nil {
			m.mu.tally = got.Tally
			continue
		}
		select {
		case m.addr <- got.Addr:
		default: // it said so before
		}
	}
}

func (m *messages) result() *tally.Tally {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.tally
}

// lines is a buffer that may be read while it is written.
type lines struct {
	mu struct {
		sync.Mutex // guards the following
		buffer     bytes.Buffer
	}
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.buffer.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.buffer.String()
}
