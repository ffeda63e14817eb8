// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/bpfobj"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metrics"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

// durations brings the durations of HTTP/1 exchanges that the kernel counted into the store: all of them, also those whose
// records were thinned or lost. Used by the goroutine that collects metrics.
type durations struct {
	objects *bpfobj.Objects
	owners  *owners
	filter  *ExecutableFilter
	http    *metrics.HTTP
}

// Drain is called often enough that most owners can still be read.
func (d *durations) Drain() error { return d.objects.DrainSeries(d.add) }

func (d *durations) add(s *bpfobj.Series) {
	side := protocol.Server
	if s.Client {
		side = protocol.Client
	}
	if s.Overflow {
		d.http.Overflow(side, s.Scaled, s.Counts, s.Sum)
		return
	}
	owner := protocol.Owner{Created: s.Owner.Created, CgroupID: s.CgroupID, PID: s.Owner.PID, Comm: s.Owner.Comm, Inherited: s.Owner.Inherited}
	process := d.owners.process(&owner, side, s.Server.Port())
	if !d.filter.Admits(process.Executable) {
		return
	}
	seen := metrics.Request{Side: side, Server: s.Server, Method: s.Method, Status: s.Status, Failure: failureOf(s.Failure), Scaled: s.Scaled}
	if s.Status != 0 {
		seen.Version = protocol.HTTPVersion(s.Minor)
	}
	d.http.Add(&seen, process, s.Counts, s.Sum)
}

// failureOf names the way in which a connection ended.
func failureOf(flags event.Flags) protocol.Failure {
	switch {
	case flags&event.Reset != 0:
		return protocol.Reset
	case flags&event.Fin != 0:
		return protocol.Closed
	case flags&event.GivenUp != 0:
		return protocol.Cancelled
	case flags&event.Timeout != 0:
		return protocol.Timeout
	}
	return protocol.None
}
