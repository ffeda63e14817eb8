// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

// The object is committed: building the receiver takes no C compiler. `make bpf` regenerates it with the pinned clang,
// and CI compares.
//go:generate go tool -modfile=../../../../tools/go.mod bpf2go -cc clang-19 -strip llvm-strip-19 -target bpfel -type event -type event_response -type event_process -type event_tcp -type event_within -type serving -type tcp_end -type tcp_mark -type tcp_key -type tcp_histogram -type tcp_row -type event_exchange -type event_stream -type stream_protocol -type stream -type owner -type early -type event_kind -type event_side -type event_flag -type counter -type method -type series_key -type series -type address_prefix -type port_sets socket ../../bpf/socket.bpf.c -- -Wall -Wextra -Werror -mcpu=v3
//go:generate go tool -modfile=../../../../tools/go.mod bpf2go -cc clang-19 -strip llvm-strip-19 -target bpfel sweep ../../bpf/sweep.bpf.c -- -Wall -Wextra -Werror -mcpu=v3
