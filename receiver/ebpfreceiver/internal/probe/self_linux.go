// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/bpfobj"
)

// Self returns the id that the kernel knows this process by: that of the initial PID namespace. It makes a socket and
// asks what the attached programs noted for it. 0 means that they did not see it: this process is in no cgroup that they
// are attached to.
func Self(objects *bpfobj.Objects) (pid uint32, err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("make socket: %w", err)
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	owner, err := objects.OwnerOf(fd)
	if errors.Is(err, unix.ENOENT) {
		return 0, nil
	}
	return owner.PID, err
}

// initialPIDNamespace is the inode that every kernel gives it (PROC_PID_INIT_INO in include/linux/proc_ns.h).
const initialPIDNamespace = 0xeffffffc

// SeesAllProcesses says whether this process is in the initial PID namespace. In another one, the ids that the programs
// note name other processes in /proc, or none.
func SeesAllProcesses() (bool, error) {
	var stat unix.Stat_t
	if err := unix.Stat("/proc/self/ns/pid", &stat); err != nil {
		return false, fmt.Errorf("read PID namespace: %w", err)
	}
	return stat.Ino == initialPIDNamespace, nil
}
