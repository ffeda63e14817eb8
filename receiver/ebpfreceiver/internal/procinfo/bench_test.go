// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package procinfo

import (
	"os"
	"testing"
)

// BenchmarkResolve asks for a process that is remembered, by a socket older (server) and younger (client) than the
// last look, and for one that has ended.
func BenchmarkResolve(b *testing.B) {
	now := monotonicClock()
	for name, pid := range map[string]uint32{"server": uint32(os.Getpid()), "client": uint32(os.Getpid()), "ended": 1 << 30} {
		b.Run(name, func(b *testing.B) {
			r := New(Settings{MaxProcesses: 8})
			o := owner(pid, "x", now())
			b.ReportAllocs()
			for b.Loop() {
				if name == "client" {
					o.Created = uint64(now())
				}
				if r.Resolve(o) == nil {
					b.Fatal("nil")
				}
			}
		})
	}
}

// BenchmarkRead reads a process from /proc.
func BenchmarkRead(b *testing.B) {
	r := reader{root: "/proc", readlink: os.Readlink}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.read(uint32(os.Getpid())); err != nil {
			b.Fatal(err)
		}
	}
}
