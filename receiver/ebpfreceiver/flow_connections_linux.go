// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/cause"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/logs"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/spans"
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
	if abandoned := c.Cause == event.Cancelled && c.Established != 0; f.cfg.TCP.Logs && !abandoned {
		f.sinks.logs.Add(process, logs.Connection(&c, f.clock.Unix(c.Time)))
	}
	if f.causes != nil && c.Within != (event.ID{}) {
		f.causes.Connection(protocol.ID(c.Within), cause.Failure{
			Local: c.Local, Peer: c.Peer, ErrorType: logs.CauseName(c.Cause), Start: f.clock.Unix(c.Opened), End: f.clock.Unix(c.Time),
		}, f.now)
	}
}

// causeSettings says what the correlator is to do with what it joined.
func (f *flow) causeSettings() cause.Settings {
	settings := cause.Settings{
		MaxWaiting: f.cfg.MaxOpenExchanges, Timeout: f.cfg.ExchangeTimeout, Emit: f.span,
		Tell: func(x *protocol.Exchange, process *procinfo.Process, failure cause.Failure) {
			if f.sinks.logs != nil {
				f.sinks.logs.Add(process, logs.Cause(x, failure))
			}
		},
	}
	if f.sinks.spans != nil {
		settings.Identify, settings.Placed = f.sinks.spans.Identify, spans.Placed
	}
	return settings
}

// ownerOf returns the process that has, or had, a connection.
func (f *flow) ownerOf(c *event.Connection) *procinfo.Process {
	owner := protocol.Owner{PID: c.Owner.PID, Created: c.Owner.Created, Comm: c.Owner.Comm, Inherited: c.Owner.Inherited}
	if f.owners.older == nil {
		owner.PID = 0
	}
	return f.owners.processes.Resolve(owner)
}
