// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrCgo is returned when capabilities cannot be dropped because the program was built with cgo: Go can then not reach the
// threads that C made.
var ErrCgo = errors.New("needs a program built without cgo")

// startOnly lists the rights that loading and attaching needs and nothing after it does. Reading maps may need CAP_BPF
// before Linux 5.19, so that is kept, and so are the rights to read other users' processes.
func startOnly() []uint {
	return []uint{unix.CAP_NET_ADMIN, unix.CAP_PERFMON, unix.CAP_SYS_ADMIN, unix.CAP_SYS_RESOURCE}
}

// DropCapabilities gives up, for good and on every thread of the process, the rights that only [Check], loading and
// [Attach] need: CAP_NET_ADMIN, CAP_PERFMON, CAP_SYS_RESOURCE, and CAP_SYS_ADMIN unless it is all there is for CAP_BPF.
func DropCapabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	for _, bit := range startOnly() {
		if bit == unix.CAP_SYS_ADMIN && data[unix.CAP_BPF/32].Effective&(1<<(unix.CAP_BPF%32)) == 0 {
			continue
		}
		set := &data[bit/32]
		keep := ^(uint32(1) << (bit % 32))
		set.Effective, set.Permitted, set.Inheritable = set.Effective&keep, set.Permitted&keep, set.Inheritable&keep
	}
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data[0])), 0)
	switch errno {
	case 0:
		return nil
	case unix.ENOTSUP:
		return fmt.Errorf("drop capabilities: %w", ErrCgo)
	}
	return fmt.Errorf("drop capabilities: %w", errno)
}
