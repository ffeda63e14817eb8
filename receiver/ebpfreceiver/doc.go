// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool -modfile=../../tools/go.mod mdatagen metadata.yaml

// Package ebpfreceiver is the Collector receiver of type `ebpf`: it watches the TCP sockets of a host from inside the
// kernel and turns the exchanges it sees on them (today HTTP/1.x) into client and server spans and into metrics, without
// touching the programs that talk.
//
// The way of an exchange, one package a step:
//
//	bpf/ (C) -> internal/bpfobj, internal/probe   kernel programs, loaded and attached
//	         -> internal/ring                     ring buffer to Go, in batches
//	         -> internal/event                    bytes to Event, no copy
//	         -> internal/exchange                 events to protocol.Exchange
//	            (internal/protocol/http1)         heads of messages to fields
//	         -> internal/procinfo                 owner of the socket to process
//	         -> internal/spans                    Exchange + Process to ptrace
//	            internal/metrics, internal/logs   numbers to pmetric, single events to plog
//	         -> next consumers
//
// It needs Linux 5.10 or newer, cgroup v2 and the capabilities that README.md lists. Elsewhere the package compiles and
// Start answers with an error that says so.
package ebpfreceiver
