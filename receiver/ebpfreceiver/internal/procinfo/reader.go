// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package procinfo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	// maxStat, maxCgroup, maxCmdline and maxEnviron bound what is read of a file. Linux limits an environment to a
	// quarter of the stack's limit, 2 MiB by default; one that is longer is read as far as this.
	maxStat    = 4 << 10
	maxCgroup  = 64 << 10
	maxCmdline = 64 << 10
	maxEnviron = 256 << 10
	// maxTasks is how many threads of a process are asked for their children.
	maxTasks = 256

	// ticks is how many clock ticks of /proc/PID/stat a second has: USER_HZ, which is 100 on every architecture that
	// Go runs on.
	ticks = 100
	// startField is the place of starttime in /proc/PID/stat, counted from the field behind the task name, which is the
	// third of the line (proc_pid_stat(5)).
	startField = 22 - 3
)

// reader reads processes from a procfs. Its buffer is used again, so it serves one goroutine.
type reader struct {
	root string
	// readlink is os.Readlink, or what a test puts in its place: the tests run as root, to whom nothing is denied.
	readlink func(path string) (string, error)
	buffer   []byte
}

// read returns the process that has the id now. If parts of it may not be read, the process is returned with an error
// that is fs.ErrPermission.
func (r *reader) read(pid uint32) (*Process, error) {
	stat, err := r.file(pid, "stat", maxStat)
	if err != nil {
		return nil, err
	}
	comm, begun, err := parseStat(stat)
	if err != nil {
		return nil, fmt.Errorf("read process %d: %w", pid, err)
	}
	p := &Process{PID: pid, Begun: begun, Name: comm}
	var denied []error
	executable, err := r.readlink(r.path(pid, "exe"))
	if err != nil {
		denied = append(denied, err)
	} else {
		p.Executable = strings.TrimSuffix(executable, " (deleted)")
		p.Name = filepath.Base(p.Executable)
	}
	if cgroups, err := r.file(pid, "cgroup", maxCgroup); err == nil {
		where := placeOf(cgroups)
		p.ContainerID, p.PodUID, p.Unit = where.container, where.pod, where.unit
	}
	environ, err := r.file(pid, "environ", maxEnviron)
	denied = append(denied, err)
	environment := readEnvironment(environ)
	p.ServiceName, p.Attributes = environment.service, environment.attributes
	if p.ServiceName == "" {
		p.ServiceName = r.nameOf(p)
	}
	// The files were read one after the other: only if the process is still the same do they belong together.
	if again, err := r.begun(pid); err != nil || again != begun {
		return nil, fmt.Errorf("read process %d: %w", pid, fs.ErrNotExist)
	}
	if err := errors.Join(denied...); errors.Is(err, fs.ErrPermission) {
		return p, err
	}
	return p, nil
}

// nameOf returns what to call the service of a process that does not say so itself.
func (r *reader) nameOf(p *Process) string {
	if cmdline, err := r.file(p.PID, "cmdline", maxCmdline); err == nil {
		return first(programName(p.Executable, cmdline), p.Name)
	}
	return p.Name
}

// forks says whether a process has children, or may have: sockets that it made may be theirs. It has as many lists of
// them as threads; too many to read, or a kernel without CONFIG_PROC_CHILDREN, count as may have.
func (r *reader) forks(pid uint32) bool {
	tasks, err := os.ReadDir(r.path(pid, "task"))
	if err != nil || len(tasks) > maxTasks {
		return true
	}
	for _, task := range tasks {
		children, err := r.file(pid, filepath.Join("task", task.Name(), "children"), maxStat)
		if err != nil && !errors.Is(err, fs.ErrNotExist) || len(children) > 0 {
			return true
		}
	}
	_, err = os.Stat(r.path(pid, filepath.Join("task", strconv.FormatUint(uint64(pid), 10), "children")))
	return err != nil
}

// begun returns when the process that has the id now began.
func (r *reader) begun(pid uint32) (uint64, error) {
	stat, err := r.file(pid, "stat", maxStat)
	if err != nil {
		return 0, err
	}
	_, begun, err := parseStat(stat)
	return begun, err
}

// file returns at most limit bytes of a file of a process. They are valid until the next call.
func (r *reader) file(pid uint32, name string, limit int) ([]byte, error) {
	f, err := os.Open(r.path(pid, name))
	if err != nil {
		return nil, err
	}
	b := bytes.NewBuffer(r.buffer[:0])
	_, err = io.Copy(b, io.LimitReader(f, int64(limit)))
	r.buffer = b.Bytes()
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read process %d: %w", pid, err)
	}
	return r.buffer, nil
}

// path returns the path of a file of a process.
func (r *reader) path(pid uint32, name string) string {
	return filepath.Join(r.root, strconv.FormatUint(uint64(pid), 10), name)
}

// errStat is returned for a /proc/PID/stat that is not as proc_pid_stat(5) says.
var errStat = errors.New("parse stat: malformed")

// parseStat returns the task name and the time of the beginning, in nanoseconds since boot. The name stands in
// parentheses and may have parentheses and spaces in it; the last closing one ends it.
func parseStat(stat []byte) (comm string, begun uint64, err error) {
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return "", 0, errStat
	}
	field := 0
	for text := range bytes.FieldsSeq(stat[end+1:]) {
		if field == startField {
			start, err := strconv.ParseUint(string(text), 10, 64)
			if err != nil {
				return "", 0, fmt.Errorf("parse stat: start time %q: %w", text, err)
			}
			// A process of the first tick after boot must not look like one that has ended.
			return string(stat[open+1 : end]), max(1, start*(1e9/ticks)), nil
		}
		field++
	}
	return "", 0, errStat
}
