// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package probe attaches the BPF programs to the kernel: what must be there ([Check]), where ([CgroupRoot]), in which
// order ([Attach]), and who owns the sockets that are older than the programs ([Adopt]).
//
// Attachments are BPF links held by this process alone: they end with [Probe.Close] or with the process, even when it
// is killed. Linux only. Nothing here is safe for concurrent use.
package probe
