// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// ProcessSpec says what to run.
type ProcessSpec struct {
	// Name is what errors call the process.
	Name string
	// Path and Args are the executable and its arguments, without argument zero.
	Path string
	Args []string
	// Env is added to the environment of this process; a later entry wins.
	Env []string
	// Stdin, Stdout and Stderr behave as in [exec.Cmd].
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// SysProcAttr starts the process with further attributes, for example in a cgroup; the group and the death signal
	// that keep it from outliving us are set in any case. Nil means none.
	SysProcAttr *syscall.SysProcAttr
}

// Process is a running child process. It is in a process group of its own, so that a Ctrl-C in the terminal reaches
// only the parent, which then ends its children in the order that it wants; where the system can do that, the child is
// killed when the parent dies without having done so. Its methods may be called by several goroutines.
type Process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
	err  error // how it ended; written before done is closed
}

// StartProcess starts a child process.
func StartProcess(spec ProcessSpec) (*Process, error) {
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Env = append(os.Environ(), spec.Env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = spec.Stdin, spec.Stdout, spec.Stderr
	cmd.SysProcAttr = spec.SysProcAttr
	bindLifetime(cmd)

	p := &Process{name: spec.Name, cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	return p, nil
}

// run starts the child and waits for it on one thread: the kernel sends the death signal when the thread that forked
// ends, not the process, so that thread has to stay for as long as the child does.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	if err := p.cmd.Start(); err != nil {
		started <- err
		return
	}
	started <- nil
	p.err = p.cmd.Wait()
	close(p.done)
}

// Name returns the name given at the start.
func (p *Process) Name() string { return p.name }

// Pid returns the process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err returns nil while the process runs and after it ended with exit code zero, else an error that names the process.
func (p *Process) Err() error {
	select {
	case <-p.done:
		if p.err != nil {
			return fmt.Errorf("%s ended: %w", p.name, p.err)
		}
	default:
	}
	return nil
}

// Stop asks the process to end with SIGTERM, kills it when it has not done so within grace, and returns how it ended.
// For a process that has ended already it only returns that.
func (p *Process) Stop(grace time.Duration) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
		return p.Err()
	case <-timer.C:
	}
	return errors.Join(fmt.Errorf("stop %s: still running %v after SIGTERM, killed it", p.name, grace), p.Kill())
}

// Kill ends the process at once and waits until it is gone. That it was killed is not an error.
func (p *Process) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", p.name, err)
	}
	<-p.done
	return nil
}
