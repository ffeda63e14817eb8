// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/probe"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

// owners finds the process behind what the kernel noted. Safe for concurrent use.
type owners struct {
	older     *probe.Adopted // nil: process ids of the kernel mean nothing in this process's /proc
	processes *procinfo.Resolver
}

// process returns the process that owns a socket at that side of a connection, with that local port. It completes owner.
// A server's connection without an owner is one that a Multipath TCP listener older than the receiver accepted.
func (o *owners) process(owner *protocol.Owner, side protocol.Side, port uint16) *procinfo.Process {
	switch {
	case o.older == nil:
		owner.PID = 0
	case owner.PID == 0 && side == protocol.Server:
		if listener, found := o.older.Listener(port); found {
			owner.PID, owner.Created, owner.Comm = listener.PID, listener.Created, listener.Comm
		}
	}
	return o.processes.Resolve(*owner)
}
