// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package event

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Cause is how a TCP connection ended; see enum tcp_end in bpf/event.h.
type Cause uint8

// The causes.
const (
	// Orderly is no failure.
	Orderly Cause = iota
	// Refused: a RST answered the attempt.
	Refused
	// TimedOut: TCP gave up after its last retransmission or probe.
	TimedOut
	// Unreachable: the network said so.
	Unreachable
	// Cancelled: the process closed the socket before the connection was established; if it was, before its request was
	// answered, which is no failure of the connection.
	Cancelled
	// ResetByPeer: the peer sent a RST.
	ResetByPeer
	// ResetByHost: this host sent a RST.
	ResetByHost
)

// Connection is a TCP connection that ended badly, or never came about.
type Connection struct {
	Cookie      uint64 // of the socket
	Time        uint64 // CLOCK_MONOTONIC ns of the end
	Opened      uint64 // CLOCK_MONOTONIC ns of connect(), or of the end of an accepted connection's handshake
	Established uint64 // CLOCK_MONOTONIC ns of the end of the handshake; 0: never
	Received    uint64 // bytes of payload
	Sent        uint64 // bytes of payload that the peer acknowledged
	Retransmits uint32 // segments
	SRTT        uint32 // smoothed round-trip time in us; 0: none was measured
	Owner       Owner
	Local, Peer netip.AddrPort // IPv4 addresses unmapped
	Within      ID             // the exchange within which the connection was tried; zero: none, or not certain
	Cause       Cause
	Client      bool // the socket connected
}

// connectionSize is the size of struct event_tcp.
const connectionSize = 160

// Decode fills c from a record of kind [TCP]. It refuses one that is too short; c is then unchanged.
func (c *Connection) Decode(record []byte) error {
	if len(record) < connectionSize {
		return fmt.Errorf("decode connection record: %d bytes, it has at least %d", len(record), connectionSize)
	}
	*c = Connection{
		Cookie:      binary.LittleEndian.Uint64(record[0:]),
		Time:        binary.LittleEndian.Uint64(record[8:]),
		Client:      record[29] != 0,
		Opened:      binary.LittleEndian.Uint64(record[32:]),
		Established: binary.LittleEndian.Uint64(record[40:]),
		Received:    binary.LittleEndian.Uint64(record[48:]),
		Sent:        binary.LittleEndian.Uint64(record[56:]),
		Retransmits: binary.LittleEndian.Uint32(record[64:]),
		SRTT:        binary.LittleEndian.Uint32(record[68:]),
		Owner:       owner(record[72:]),
		Local:       addrPort(record[104:120], record[136:]),
		Peer:        addrPort(record[120:136], record[138:]),
		Cause:       Cause(record[140]),
		Within:      ID{binary.LittleEndian.Uint64(record[144:]), binary.LittleEndian.Uint32(record[152:])},
	}
	return nil
}
