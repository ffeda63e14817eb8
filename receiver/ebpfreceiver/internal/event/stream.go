// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package event

import (
	"encoding/binary"
	"fmt"
)

// The kinds of records of streams; see enum event_kind in bpf/event.h.
const (
	// StreamOpen says who talks to whom, before anything that they say. Event decodes it, Event.Protocol is set.
	StreamOpen Kind = 16
	// StreamData is frames of one direction in one packet.
	StreamData Kind = 17
	// StreamEnd says that the connection ended.
	StreamEnd Kind = 18
)

// Flags of records of streams.
const (
	// Rested, of an end: the connection goes on, but is not followed any more.
	Rested Flags = 1
	// FromServer: the server's direction; of the end: the server ended it.
	FromServer Flags = 32
	// Raw: the captured bytes are all that were sent, beginning anywhere.
	Raw Flags = 4
	// Guessed: the record begins where a frame seems to begin, which was not known before.
	Guessed Flags = 64
	// BodyEnd: the frame that an earlier record called Ending has ended with this packet.
	BodyEnd Flags = 128
)

// Protocol is what a stream speaks; see enum stream_protocol in bpf/event.h.
type Protocol uint8

// The protocols.
const (
	HTTP2 Protocol = 1
	TLS   Protocol = 2
	// Pipelined is HTTP/1 whose requests do not wait for answers. Its records are Raw, but for those that say where a
	// direction begins, and for a request that came before: From and To are all of it, Captured is its beginning.
	Pipelined Protocol = 3
)

// Stream is one decoded record of a stream, but for its first.
type Stream struct {
	Cookie   uint64 // of the socket
	Time     uint64 // CLOCK_MONOTONIC ns at which the packet passed the socket
	From, To uint32 // TCP sequence numbers of the first byte that the record tells of and of the one behind the last
	Kind     Kind
	Client   bool // the socket is the connecting end
	Flags    Flags
	Protocol Protocol
	Rest     uint32 // bytes to come of a payload that is left out
	Tail     int    // of the captured bytes: the beginning of a header, which the next record repeats unless it is Raw
	Ending   bool   // the last frame is one that ends a body, and more of it is to come
	Scale    uint8  // log2 of how many connections one was followed of

	// Captured is the bytes; it aliases the record.
	Captured []byte
}

const streamSize = 40

// Decode fills s from a StreamData or StreamEnd record. It refuses one that is too short for what it says it carries; s is
// then undefined.
func (s *Stream) Decode(record []byte) error {
	if len(record) < streamSize {
		return fmt.Errorf("decode stream record: %d bytes, it has at least %d", len(record), streamSize)
	}
	*s = Stream{
		Cookie:   binary.LittleEndian.Uint64(record[0:]),
		Time:     binary.LittleEndian.Uint64(record[8:]),
		From:     binary.LittleEndian.Uint32(record[16:]),
		To:       binary.LittleEndian.Uint32(record[20:]),
		Kind:     Kind(record[28]),
		Client:   record[29] != 0,
		Flags:    Flags(record[30]),
		Protocol: Protocol(record[31]),
		Rest:     binary.LittleEndian.Uint32(record[32:]),
		Tail:     int(record[36]),
		Ending:   record[37] != 0,
		Scale:    record[38],
	}
	if s.Scale > maxScale {
		return fmt.Errorf("decode stream record: it stands for 2^%d connections, at most it is 2^%d", s.Scale, maxScale)
	}
	length := int(binary.LittleEndian.Uint32(record[24:]))
	if length > len(record)-streamSize {
		return fmt.Errorf("decode stream record: %d captured bytes announced, %d there", length, len(record)-streamSize)
	}
	if s.Tail > length || s.Flags&Raw != 0 && uint32(length) != s.To-s.From {
		return fmt.Errorf("decode stream record: %d captured bytes contradict a tail of %d, sequence numbers %d to %d",
			length, s.Tail, s.From, s.To)
	}
	s.Captured = record[streamSize : streamSize+length]
	return nil
}
