// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package event

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Kind tells what a record is about.
type Kind uint8

// The kinds of records; see enum event_kind in bpf/event.h.
const (
	// Exchange is a request and the first bytes of its response, or its end without one.
	Exchange Kind = 1
	// Response is another status line on the same exchange, after an interim response.
	Response Kind = 2
	// Progress says that more bytes of the response have passed: it may be complete now.
	Progress Kind = 3
	// End says that the connection ended after the response had begun.
	End Kind = 4
	// Process says that a process made a TCP socket that had made none under that name.
	Process Kind = 20
	// TCP says that a TCP connection ended badly, or never came about; [Connection] is what it carries.
	TCP Kind = 21
	// Within says that the client's exchange whose record follows was made within a server's.
	Within Kind = 22
)

// KindOf returns the kind of a record, 0 if it is too short to have one.
func KindOf(record []byte) Kind {
	if len(record) < baseSize {
		return 0
	}
	return Kind(record[28])
}

// Flags are the bits that say more of a record; see enum event_flag in bpf/event.h.
type Flags uint8

// The bits of [Flags].
const (
	// ChunkEnd is set when the packet ended with the last chunk of a chunked body without trailers.
	ChunkEnd Flags = 1
	// Fin is set when the responder closed its side.
	Fin Flags = 2
	// Reset is set when either end reset the connection.
	Reset Flags = 4
	// Timeout is set when the kernel gave the connection up without FIN or RST.
	Timeout Flags = 8
	// Gap is set when bytes of the response were not seen.
	Gap Flags = 16
	// EmptyLine is set when the packet ended with an empty line.
	EmptyLine Flags = 32
	// GivenUp is set when this end's process closed the connection, and nothing more came of it.
	GivenUp Flags = 64
)

// Ended says whether the connection has ended with this record.
func (f Flags) Ended() bool { return f&(Fin|Reset|Timeout|GivenUp) != 0 }

// Owner is the process that connected, accepted or else created the socket.
type Owner struct {
	// Created is the CLOCK_MONOTONIC time in ns at which the owner was noted.
	Created uint64
	// PID is the thread group id in the initial PID namespace; 0 means unknown.
	PID uint32
	// Comm is the task's name at that time, padded with zero bytes.
	Comm [16]byte
	// Inherited says that this is the listener's owner: nobody saw who accepted the connection.
	Inherited bool
	// Accepted says that the owner accepted the connection. It is only written, for sockets older than the programs.
	Accepted bool
}

// ownerInherited is OWNER_INHERITED of bpf/event.h.
const ownerInherited = 1

// ID names an exchange at one end: the socket's cookie, and the exchange's number on its connection.
type ID struct {
	Cookie uint64
	Number uint32
}

// Event is one decoded record. Fields that the kind does not carry are zero.
type Event struct {
	Cookie        uint64 // of the socket
	Time          uint64 // CLOCK_MONOTONIC ns at which the packet passed the socket
	ResponseBytes uint64 // bytes of the response so far, this packet's included
	Number        uint32 // of the exchange on its connection, from 1
	Kind          Kind
	Client        bool // the socket is the connecting end
	Flags         Flags
	Protocol      Protocol // of StreamOpen

	// Of exchange and StreamOpen records only.
	RequestTime   uint64         // CLOCK_MONOTONIC ns of the request's first byte
	RequestBytes  uint64         // bytes of the request so far
	PreviousTime  uint64         // CLOCK_MONOTONIC ns of the previous response's last byte; 0: there was none
	PreviousBytes uint64         // bytes of the previous response
	CgroupID      uint64         // cgroup v2 of the socket; 0: unknown
	Owner         Owner          // of process records, too
	Local, Peer   netip.AddrPort // IPv4 addresses unmapped
	Threshold     uint64         // of 2^56: exchanges whose randomness is below had no record; 0: all had one
	Scale         uint8          // log2 of how many connections one was followed of

	// Within is the server's exchange, of within records only.
	Within ID

	// Request and ResponseHead are the captured first bytes of the messages; they alias the record.
	Request, ResponseHead []byte
}

// maxScale is REST_SHIFT of bpf/knobs.bpf.h.
const maxScale = 15

// Sizes of the fixed parts of records, in bytes.
const (
	baseSize     = 32
	responseSize = 40
	processSize  = 64
	withinSize   = 48
	exchangeSize = 152
)

// Decode fills e from one record of the ring buffer. It refuses a record that is too short for what it says it carries
// or of an unknown kind; e is then undefined.
func (e *Event) Decode(record []byte) error {
	if len(record) < baseSize {
		return fmt.Errorf("decode record: %d bytes, a record has at least %d", len(record), baseSize)
	}
	*e = Event{
		Cookie:        binary.LittleEndian.Uint64(record[0:]),
		Time:          binary.LittleEndian.Uint64(record[8:]),
		ResponseBytes: binary.LittleEndian.Uint64(record[16:]),
		Number:        binary.LittleEndian.Uint32(record[24:]),
		Kind:          Kind(record[28]),
		Client:        record[29] != 0,
		Flags:         Flags(record[30]),
	}
	switch e.Kind {
	case Progress, End:
		return nil
	case Response:
		return e.decodeResponse(record)
	case StreamOpen:
		e.Protocol = Protocol(record[31])
		return e.decodeExchange(record)
	case Exchange:
		if e.Scale = record[31]; e.Scale > maxScale {
			return fmt.Errorf("decode exchange record: it stands for 2^%d connections, at most it is 2^%d", e.Scale, maxScale)
		}
		return e.decodeExchange(record)
	case Process:
		if len(record) < processSize {
			return fmt.Errorf("decode process record: %d bytes, it has at least %d", len(record), processSize)
		}
		e.Owner = owner(record[32:])
		return nil
	case Within:
		if len(record) < withinSize {
			return fmt.Errorf("decode within record: %d bytes, it has at least %d", len(record), withinSize)
		}
		e.Within = ID{binary.LittleEndian.Uint64(record[32:]), binary.LittleEndian.Uint32(record[40:])}
		return nil
	default:
		return fmt.Errorf("decode record: unknown kind %d", record[28])
	}
}

func (e *Event) decodeResponse(record []byte) error {
	if len(record) < responseSize {
		return fmt.Errorf("decode response record: %d bytes, it has at least %d", len(record), responseSize)
	}
	length := int(binary.LittleEndian.Uint32(record[32:]))
	if length > len(record)-responseSize {
		return fmt.Errorf("decode response record: %d captured bytes announced, %d there", length, len(record)-responseSize)
	}
	e.ResponseHead = record[responseSize : responseSize+length]
	return nil
}

func (e *Event) decodeExchange(record []byte) error {
	if len(record) < exchangeSize {
		return fmt.Errorf("decode exchange record: %d bytes, it has at least %d", len(record), exchangeSize)
	}
	e.RequestTime = binary.LittleEndian.Uint64(record[32:])
	e.RequestBytes = binary.LittleEndian.Uint64(record[40:])
	e.PreviousTime = binary.LittleEndian.Uint64(record[48:])
	e.PreviousBytes = binary.LittleEndian.Uint64(record[56:])
	e.CgroupID = binary.LittleEndian.Uint64(record[64:])
	e.Owner = owner(record[72:])
	e.Local = addrPort(record[104:120], record[136:])
	e.Peer = addrPort(record[120:136], record[138:])
	request := int(binary.LittleEndian.Uint16(record[140:]))
	response := int(binary.LittleEndian.Uint16(record[142:]))
	e.Threshold = binary.LittleEndian.Uint64(record[144:])
	captured := record[exchangeSize:]
	if request+response > len(captured) {
		return fmt.Errorf("decode exchange record: %d captured bytes announced, %d there", request+response, len(captured))
	}
	e.Request = captured[:request]
	e.ResponseHead = captured[request : request+response]
	return nil
}

func addrPort(address, port []byte) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(address)).Unmap(), binary.LittleEndian.Uint16(port))
}

// owner reads struct owner.
func owner(b []byte) Owner {
	return Owner{
		Created: binary.LittleEndian.Uint64(b), PID: binary.LittleEndian.Uint32(b[8:]), Comm: [16]byte(b[16:32]),
		Inherited: b[15] == ownerInherited,
	}
}
