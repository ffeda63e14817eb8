// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package harness

import "os/exec"

// bindLifetime does nothing: only Linux can tie the life of a child to ours.
func bindLifetime(*exec.Cmd) {}
