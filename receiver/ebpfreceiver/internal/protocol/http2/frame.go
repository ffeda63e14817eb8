// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http2

import "encoding/binary"

// Type is the type of a frame (RFC 9113 section 6).
type Type uint8

// The types that are told apart; all others are skipped.
const (
	// Data carries a part of a body.
	Data Type = 0
	// Headers opens a stream or ends it with trailers.
	Headers Type = 1
	// Priority says how much a stream matters.
	Priority Type = 2
	// Reset ends a stream at once.
	Reset Type = 3
	// Settings are parameters of a connection.
	Settings Type = 4
	// PushPromise announces a stream that the server opens.
	PushPromise Type = 5
	// Ping measures a connection.
	Ping Type = 6
	// GoAway ends a connection in order.
	GoAway Type = 7
	// WindowUpdate allows more data.
	WindowUpdate Type = 8
	// Continuation continues a header block.
	Continuation Type = 9
)

// Flags of frames.
const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// HeaderSize is the number of bytes in front of every frame's payload.
const HeaderSize = 9

// Preface is what a client sends first (section 3.4).
const Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// header is the beginning of a frame.
type header struct {
	length int
	stream uint32
	kind   Type
	flags  byte
}

// parseHeader reads the first [HeaderSize] bytes of a frame.
func parseHeader(b []byte) header {
	return header{
		length: int(b[0])<<16 | int(b[1])<<8 | int(b[2]),
		kind:   Type(b[3]), flags: b[4],
		stream: binary.BigEndian.Uint32(b[5:]) & (1<<31 - 1),
	}
}

// plausible says whether a frame may look like that (section 6): what tells that the input is HTTP/2, and aligned. The
// first frame must be of a known type; what comes after one may be an extension (section 5.5).
func (h *header) plausible(first bool) bool {
	switch h.kind {
	case Data:
		return h.stream != 0
	case Headers, PushPromise, Continuation:
		return h.stream != 0 && h.length <= maxHeaderFrame
	case Priority:
		return h.stream != 0 && h.length == 5
	case Reset:
		return h.stream != 0 && h.length == 4
	case Settings:
		return h.stream == 0 && h.length%6 == 0 && h.length <= maxControlFrame && (h.flags&flagAck == 0 || h.length == 0)
	case Ping:
		return h.stream == 0 && h.length == 8
	case GoAway:
		return h.stream == 0 && h.length >= 8 && h.length <= maxControlFrame
	case WindowUpdate:
		return h.length == 4
	}
	return !first && h.length <= maxControlFrame
}

const (
	// maxHeaderFrame is the longest header frame that is believed. Peers may allow 16 MiB; none that is known does.
	maxHeaderFrame = 1 << 20
	// maxControlFrame is the longest frame of another kind that is believed, the size that needs no agreement.
	maxControlFrame = 1 << 14
)

// Frame is what a [Reader] found. Which fields are set depends on Type.
type Frame struct {
	// Block is the whole header block of Headers and PushPromise, or its beginning if Cut.
	Block []byte
	// Length is the length of the payload, padding included: what Data adds to a body.
	Length int
	// Stream is the stream's id; Promised that of the stream that PushPromise announces; of GoAway, the last stream
	// that its sender will answer.
	Stream, Promised uint32
	// Code is the error code of Reset and GoAway.
	Code uint32
	// Type is Data, Headers, Reset, PushPromise or GoAway.
	Type Type
	// EndStream says that its sender sends nothing more on the stream.
	EndStream bool
	// Cut says that Block is longer than what was kept.
	Cut bool
}

// RefusedStream is the error code of a stream that was not processed (section 8.7).
const RefusedStream = 7
