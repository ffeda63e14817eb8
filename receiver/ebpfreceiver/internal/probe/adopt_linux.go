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

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
)

// Noter notes the owner of the socket behind a file descriptor of this process.
type Noter interface {
	Own(fd int, owner event.Owner, off bool) error
}

// Adopted counts what [Adopt] found.
type Adopted struct {
	// Sockets is the number of TCP sockets whose owner is known now.
	Sockets int
	// Refused is the number of sockets that could not be reached, for want of a right or because they closed meanwhile.
	Refused int

	ignore    int
	multipath map[uint16]event.Owner // by port; PID 0: more than one
	listening map[uint16]struct{}    // ports of TCP listeners so far
}

// Listener returns the owner of the Multipath TCP listener that was adopted on port. The kernel makes the TCP socket
// within such a listener itself and gives no descriptor of it, so its connections carry no owner. That of any other
// server's connections is known, so a server connection without one belongs to the listener on its port, if there is
// only one in all network namespaces.
func (a *Adopted) Listener(port uint16) (event.Owner, bool) {
	owner := a.multipath[port]
	return owner, owner.PID != 0
}

func (a *Adopted) addListener(port uint16, owner event.Owner) {
	if _, taken := a.multipath[port]; taken {
		owner = event.Owner{}
	}
	a.multipath[port] = owner
}

// Adopt notes the owners of the TCP sockets that exist already, listening ones included, in every network namespace. It
// goes through the file descriptors in /proc, in ascending process ids, so that a socket shared by a server's workers
// belongs to their parent, as one noted by the programs does, and a listener comes before its connections, which are taken for
// accepted by their port. A descriptor is borrowed with pidfd_getfd(2) (Linux 5.6,
// CAP_SYS_PTRACE) for the moment that it takes to note its owner.
//
// It ends early with ctx. An error means that /proc could not be read at all.
//
// The sockets of the process ignore, as numbered in this process's PID namespace, are left alone from now on; 0 is none.
func Adopt(ctx context.Context, noter Noter, ignore int) (*Adopted, error) {
	adopted := &Adopted{ignore: ignore, multipath: make(map[uint16]event.Owner), listening: make(map[uint16]struct{})}
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
	owner := event.Owner{PID: uint32(pid), Comm: taskName(pid)}
	for _, fd := range fds {
		tcp, err := a.socket(noter, pidfd, fd, owner)
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

// sockets lists the descriptors of a process that are sockets not seen before, ascending, and remembers their inodes.
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
	slices.Sort(fds)
	return fds, nil
}

// socket notes the owner of one descriptor of another process; false if it is no TCP socket.
func (a *Adopted) socket(noter Noter, pidfd, theirs int, owner event.Owner) (tcp bool, err error) {
	fd, err := unix.PidfdGetfd(pidfd, theirs, 0)
	if err != nil {
		return false, fmt.Errorf("borrow descriptor %d of process %d: %w", theirs, owner.PID, err)
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
	if domain != unix.AF_INET && domain != unix.AF_INET6 {
		return false, nil
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return false, fmt.Errorf("read monotonic clock: %w", err)
	}
	owner.Created = uint64(now.Nano())
	switch protocol {
	case unix.IPPROTO_TCP:
		if owner.Accepted, err = a.accepted(fd); err != nil {
			return true, err
		}
		return true, noter.Own(fd, owner, int(owner.PID) == a.ignore)
	case unix.IPPROTO_MPTCP:
		return true, a.multipathSocket(fd, owner)
	}
	return false, nil
}

// accepted says whether a TCP socket is a connection to a port that is listened on, and remembers that of a listener.
func (a *Adopted) accepted(fd int) (bool, error) {
	listens, port, err := local(fd)
	if err != nil {
		return false, err
	}
	if listens {
		a.listening[port] = struct{}{}
	}
	_, known := a.listening[port]
	return known && !listens, nil
}

// multipathSocket remembers the port of a Multipath TCP listener.
func (a *Adopted) multipathSocket(fd int, owner event.Owner) error {
	listens, port, err := local(fd)
	if err == nil && listens {
		a.addListener(port, owner)
	}
	return err
}

// local reads whether a socket listens, and its port.
func local(fd int) (listens bool, port uint16, err error) {
	listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return false, 0, fmt.Errorf("read state of socket: %w", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return false, 0, fmt.Errorf("read address of socket: %w", err)
	}
	switch address := name.(type) {
	case *unix.SockaddrInet4:
		port = uint16(address.Port)
	case *unix.SockaddrInet6:
		port = uint16(address.Port)
	}
	return listening != 0, port, nil
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
