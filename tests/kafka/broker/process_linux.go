// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package broker

import "syscall"

// dieWithParent makes the kernel kill the child when the thread that started it ends, so that a test program that
// crashed or ran into its time limit leaves no broker behind.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
