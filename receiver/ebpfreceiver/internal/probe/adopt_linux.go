// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Noter notes the owner of the socket behind a file descriptor of this process.
type Noter interface {
	Own(fd int, pid uint32, comm [16]byte, created uint64) error
}

// Adopted counts what [Adopt] found.
type Adopted struct {
	// Sockets is the number of TCP sockets whose owner is known now.
	Sockets int
	// Refused is the number of sockets that could not be reached, for want of a right or because they closed meanwhile.
	Refused int
}

// Adopt notes the owners of the TCP sockets that exist already, listening ones included, in every network namespace. It
// goes through the file descriptors in /proc, in ascending process ids, so that a socket shared by a server's workers
// belongs to their parent, as one noted by the programs does. A descriptor is borrowed with pidfd_getfd(2) (Linux 5.6,
// CAP_SYS_PTRACE) for the moment that it takes to note its owner.
//
// It ends early with ctx. An error means that /proc could not be read at all.
func Adopt(ctx context.Context, noter Noter) (Adopted, error) {
	var adopted Adopted
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return adopted, fmt.Errorf("list processes: %w", err)
	}
	var pids []int
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	seen := make(map[string]struct{})
	for _, pid := range pids {
		if ctx.Err() != nil {
			return adopted, ctx.Err()
		}
		adopted.process(noter, pid, seen)
	}
	return adopted, nil
}

// process adopts the sockets of one process. One that ends meanwhile has no sockets any more.
func (a *Adopted) process(noter Noter, pid int, seen map[string]struct{}) {
	fds, err := sockets(pid, seen)
	if err != nil || len(fds) == 0 {
		if errors.Is(err, os.ErrPermission) {
			a.Refused++
		}
		return
	}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		a.Refused += len(fds)
		return
	}
	comm := taskName(pid)
	for _, fd := range fds {
		tcp, err := adoptSocket(noter, pidfd, fd, uint32(pid), comm)
		switch {
		case err != nil:
			a.Refused++
		case tcp:
			a.Sockets++
		}
	}
	if unix.Close(pidfd) != nil {
		a.Refused++
	}
}

// sockets lists the descriptors of a process that are sockets not seen before, and remembers their inodes.
func sockets(pid int, seen map[string]struct{}) ([]int, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list descriptors: %w", err)
	}
	var fds []int
	for _, entry := range entries {
		target, err := os.Readlink(filepath.Join(dir, entry.Name()))
		if err != nil || !strings.HasPrefix(target, "socket:") {
			continue
		}
		if _, known := seen[target]; known {
			continue
		}
		seen[target] = struct{}{}
		if fd, err := strconv.Atoi(entry.Name()); err == nil {
			fds = append(fds, fd)
		}
	}
	return fds, nil
}

// adoptSocket notes the owner of one descriptor of another process; false if it is no TCP socket.
func adoptSocket(noter Noter, pidfd, theirs int, pid uint32, comm [16]byte) (tcp bool, err error) {
	fd, err := unix.PidfdGetfd(pidfd, theirs, 0)
	if err != nil {
		return false, fmt.Errorf("borrow descriptor %d of process %d: %w", theirs, pid, err)
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	protocol, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL)
	if err != nil {
		return false, fmt.Errorf("read protocol of socket: %w", err)
	}
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return false, fmt.Errorf("read domain of socket: %w", err)
	}
	if protocol != unix.IPPROTO_TCP || domain != unix.AF_INET && domain != unix.AF_INET6 {
		return false, nil
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return false, fmt.Errorf("read monotonic clock: %w", err)
	}
	return true, noter.Own(fd, pid, comm, uint64(now.Nano()))
}

// taskName reads the name of a process's main task; zero if it is gone.
func taskName(pid int) (comm [16]byte) {
	name, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	if err != nil {
		return comm
	}
	copy(comm[:15], strings.TrimSuffix(string(name), "\n"))
	return comm
}
