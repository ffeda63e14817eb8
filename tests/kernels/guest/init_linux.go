// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// asInit is the life of process 1. It does not return while the machine is on.
func asInit() {
	fmt.Println() // the firmware leaves the console in the middle of a line
	if err := errors.Join(mountAll(), loopbackUp()); err != nil {
		fmt.Println("guest:", err)
	} else if err := runAll(os.Stdout, "/tests"); err != nil {
		fmt.Println("guest:", err)
	}
	syscall.Sync()
	if err := syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Println("guest: power off:", err) // process 1 ends then: the kernel panics, and so restarts
	}
}

func mountAll() error {
	var errs []error
	for _, m := range []struct{ kind, path string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"cgroup2", "/sys/fs/cgroup"}, {"tmpfs", "/tmp"},
	} {
		if err := errors.Join(os.MkdirAll(m.path, 0o755), syscall.Mount(m.kind, m.path, m.kind, 0, "")); err != nil {
			errs = append(errs, fmt.Errorf("mount %s at %s: %w", m.kind, m.path, err))
		}
	}
	return errors.Join(errs...)
}

// interfaceRequest is struct ifreq of netdevice(7), as far as the flags.
type interfaceRequest struct {
	name  [syscall.IFNAMSIZ]byte
	flags uint16
	_     [22]byte
}

// loopbackUp gives the machine its only network, with 127.0.0.1 and ::1.
func loopbackUp() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return fmt.Errorf("make socket: %w", err)
	}
	loopback := interfaceRequest{name: [syscall.IFNAMSIZ]byte{'l', 'o'}, flags: syscall.IFF_UP}
	_, _, errno := syscall.Syscall(
		syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&loopback)))
	if errno != 0 {
		err = fmt.Errorf("set loopback up: %w", errno)
	}
	return errors.Join(err, syscall.Close(fd))
}
