// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/logs"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

// connection takes the record of a TCP connection that ended badly. The kernel woke the reader for it, so that the log
// record leaves while it is new.
func (f *flow) connection(record []byte) {
	var c event.Connection
	if err := c.Decode(record); err != nil {
		f.assembler.Counts.BadRecord.Add(1)
		return
	}
	process := f.ownerOf(&c)
	if f.sinks.logs == nil || !f.cfg.Filter.Executables.Admits(process.Executable) {
		return
	}
	f.sinks.logs.Add(process, logs.Connection(&c, f.clock.Unix(c.Time)))
}

// ownerOf returns the process that has, or had, a connection.
func (f *flow) ownerOf(c *event.Connection) *procinfo.Process {
	owner := protocol.Owner{PID: c.Owner.PID, Created: c.Owner.Created, Comm: c.Owner.Comm, Inherited: c.Owner.Inherited}
	if f.older == nil {
		owner.PID = 0
	}
	return f.processes.Resolve(owner)
}
