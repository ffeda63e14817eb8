// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

// An object for tests only; see bpf/unit.bpf.c. Generated from a test file, its Go is a test's, too, and not built into
// the collector.
//go:generate go tool -modfile=../../../../tools/go.mod bpf2go -cc clang-19 -strip llvm-strip-19 -target bpfel -type unit unit ../../bpf/unit.bpf.c -- -Wall -Wextra -Wno-unused-parameter -Werror -mcpu=v3
