// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// process is one run of the broker's Java program.
type process struct {
	// handle refers to the child; it is set before launch returns and never changes.
	handle *os.Process
	// done is closed when the child has ended and was waited for.
	done chan struct{}
	// logFile is where both output streams go.
	logFile string
}

// launch starts the broker with the configuration in dir. It does not wait until the broker answers.
//
// The child is started and awaited by one goroutine that keeps its thread: the kernel kills the child when the thread
// that started it ends (see dieWithParent), and that thread must therefore live exactly as long as the child may.
func launch(dir, libs string) (*process, error) {
	logFile := filepath.Join(dir, "broker.log")
	output, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open broker log: %w", err)
	}
	command := exec.Command("java", "-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", filepath.Join(libs, "*"),
		"kafka.Kafka", filepath.Join(dir, "server.properties"))
	command.Dir, command.Stdout, command.Stderr = dir, output, output
	command.SysProcAttr = dieWithParent()

	child := &process{done: make(chan struct{}), logFile: logFile}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(child.done)
		err := errors.Join(command.Start(), output.Close())
		child.handle = command.Process
		started <- err
		if err == nil {
			_ = command.Wait() // how a broker ended is told by its log, and a killed one is no fault
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	return child, nil
}

// stopLimit bounds an orderly end; a broker needs well below a second for it.
const stopLimit = 20 * time.Second

// stop ends the child in order, or by force after stopLimit, and returns when it is gone.
func (p *process) stop() error {
	err := p.handle.Signal(syscall.SIGTERM)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	select {
	case <-p.done:
		return err
	case <-ctx.Done():
		return errors.Join(err, fmt.Errorf("stop broker %d: still there after %v", p.handle.Pid, stopLimit), p.kill())
	}
}

// kill ends the child as a crash does, with nothing flushed or said, and returns when it is gone.
func (p *process) kill() error {
	err := p.handle.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("kill broker %d: %w", p.handle.Pid, err)
	}
	<-p.done
	return nil
}

// log returns the end of what the broker wrote, for the message of a failure.
func (p *process) log() []byte {
	written, err := os.ReadFile(p.logFile)
	if err != nil {
		return fmt.Appendf(nil, "read broker log: %v", err)
	}
	return tail(written, 4000)
}
