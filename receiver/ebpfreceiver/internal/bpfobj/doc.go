// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package bpfobj holds the compiled BPF programs and loads them into the kernel with their settings. The object
// (socket_bpfel.o, from the C in bpf/) is little-endian and needs no kernel headers: one serves amd64 and arm64.
//
// [Load] needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, or CAP_SYS_ADMIN. Nothing is pinned: what was loaded goes when
// the process does, however it ends.
package bpfobj
