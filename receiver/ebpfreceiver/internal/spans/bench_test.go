// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package spans

import (
	"strconv"
	"testing"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

// batch is the number of spans between two calls of Take, the default of the receiver.
const batch = 1024

// BenchmarkAppend is the cost of a span that is like the last one, of a process that is in the batch already.
func BenchmarkAppend(b *testing.B) {
	for name, x := range map[string]*protocol.Exchange{
		"server":      exchange(protocol.Server, nothing),
		"client":      exchange(protocol.Client, nothing),
		"traceparent": exchange(protocol.Server, trace),
	} {
		b.Run(name, func(b *testing.B) {
			builder := New(Settings{HostName: "node-1", ScopeName: "scope", ScopeVersion: "1.2.3"})
			process := nginx()
			b.ReportAllocs()
			for b.Loop() {
				builder.Append(x, process)
				if builder.Len() == batch {
					builder.Take()
				}
			}
		})
	}
}

// BenchmarkAppendOther is the cost of a span that is like none before.
func BenchmarkAppendOther(b *testing.B) {
	builder := New(Settings{HostName: "node-1", ScopeName: "scope", ScopeVersion: "1.2.3"})
	process := nginx()
	x := exchange(protocol.Server, nothing)
	x.HTTP.Target = []byte("/cart/0000000000000000")
	n := uint64(1 << 60)
	b.ReportAllocs()
	for b.Loop() {
		n++
		strconv.AppendUint(x.HTTP.Target[:len("/cart/")], n, 16)
		builder.Append(x, process)
		if builder.Len() == batch {
			builder.Take()
		}
	}
}

// BenchmarkParseTraceParent reads the field of one request.
func BenchmarkParseTraceParent(b *testing.B) {
	text := []byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, ok := parseTraceParent(text); !ok {
			b.Fatal("not valid")
		}
	}
}
