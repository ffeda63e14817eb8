// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package tcpstats turns what the kernel counts of TCP connections into metrics: one row of numbers a process, role and
// server port (struct tcp_row in bpf/event.h) becomes increments of the instruments of a [metrics.Store].
//
// The names are those that were proposed for semantic conventions (open-telemetry/semantic-conventions#3682) where it has
// one, and made in their manner else; none is stable.
//
// [Source.Drain] reads the rows. It is for one goroutine at a time.
package tcpstats

import (
	"errors"
	"time"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/bpfobj"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metrics"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

// Bounds are the upper bounds of the buckets that the kernel sorts durations into: from the round trip of a loopback to the
// patience of TCP.
func Bounds() []time.Duration {
	const us, ms = time.Microsecond, time.Millisecond
	return []time.Duration{
		20 * us, 50 * us, 100 * us, 200 * us, 500 * us, 1 * ms, 2 * ms, 5 * ms, 10 * ms, 20 * ms, 50 * ms, 100 * ms, 200 * ms,
		500 * ms, 1000 * ms, 5000 * ms,
	}
}

// Rows is where the numbers come from: [bpfobj.Objects].
type Rows interface {
	TCPRows(visit func(bpfobj.TCPKey, *bpfobj.TCPRow)) error
	ForgetTCPRow(key bpfobj.TCPKey) error
}

// Settings of a Source.
type Settings struct {
	// MaxIdle is after how long without a change a row is given up, so that there is room for others; 0: never.
	MaxIdle time.Duration
	// Admits says whether the program of that path is of interest.
	Admits func(executable string) bool
	// Now is the clock. Nil means the system's.
	Now func() time.Time
}

// Source is the [metrics.Source] of TCP connections.
type Source struct {
	settings  Settings
	rows      Rows
	processes *procinfo.Resolver
	to        instruments
	seen      map[bpfobj.TCPKey]*seen
}

// seen is a row as it was when it was read last.
type seen struct {
	row     bpfobj.TCPRow
	changed time.Time
}

// New returns a Source that adds to store what is counted from now on.
func New(settings Settings, rows Rows, processes *procinfo.Resolver, store *metrics.Store) *Source {
	if settings.Now == nil {
		settings.Now = time.Now
	}
	return &Source{
		settings: settings, rows: rows, processes: processes, to: newInstruments(store), seen: make(map[bpfobj.TCPKey]*seen),
	}
}

// Drain adds what was counted since the last call.
func (s *Source) Drain() error {
	now := s.settings.Now()
	var idle []bpfobj.TCPKey
	visit := func(key bpfobj.TCPKey, row *bpfobj.TCPRow) {
		before := s.seen[key]
		if before == nil {
			before = &seen{changed: now}
			s.seen[key] = before
		}
		if before.row == *row {
			if key.Version != 0 && s.settings.MaxIdle > 0 && now.Sub(before.changed) >= s.settings.MaxIdle {
				idle = append(idle, key)
			}
			return
		}
		s.add(key, &before.row, row)
		before.row, before.changed = *row, now
	}
	type scaled struct {
		key bpfobj.TCPKey
		row bpfobj.TCPRow
	}
	var later []scaled
	err := s.rows.TCPRows(func(key bpfobj.TCPKey, row *bpfobj.TCPRow) {
		if key.Side&bpfobj.TCPScaled != 0 && s.seen[exact(key)] == nil {
			later = append(later, scaled{key, *row}) // whose it is says the exact row
		} else {
			visit(key, row)
		}
	})
	for _, l := range later {
		visit(l.key, &l.row)
	}
	errs := []error{err}
	for _, key := range idle {
		delete(s.seen, key)
		errs = append(errs, s.rows.ForgetTCPRow(key))
	}
	return errors.Join(errs...)
}

// add adds the difference of two states of a row.
func (s *Source) add(key bpfobj.TCPKey, before, after *bpfobj.TCPRow) {
	var process *procinfo.Process // nil for what found no row of its own: it is the host's
	if key.Version != 0 {
		owned := after.OwnedNs
		if of := s.seen[exact(key)]; key.Side&bpfobj.TCPScaled != 0 && of != nil {
			owned = of.row.OwnedNs
		}
		process = s.processes.Resolve(protocol.Owner{PID: key.Pid, Created: owned, Comm: key.Comm})
		if !s.settings.Admits(process.Executable) {
			return
		}
	}
	s.to.add(process, key, before, after)
}

// exact is the key of the row of what was not scaled.
func exact(key bpfobj.TCPKey) bpfobj.TCPKey {
	key.Side &^= bpfobj.TCPScaled
	return key
}

// failures are the words for connections that never came about, by cause.
func failures() map[event.Cause]string {
	return map[event.Cause]string{
		event.Refused: "connection_refused", event.TimedOut: "timeout", event.Unreachable: "unreachable",
		event.Cancelled: "cancelled",
	}
}
