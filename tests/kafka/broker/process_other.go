// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package broker

import "syscall"

// dieWithParent has no counterpart here: a test program that crashes leaves its broker behind.
func dieWithParent() *syscall.SysProcAttr { return nil }
