// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/http1"
)

// message is what one direction of a pipelined connection is saying.
type message struct {
	part   part
	begin  uint64 // CLOCK_MONOTONIC ns of its first byte
	at     uint32 // sequence number of that
	length uint64 // bytes of its head so far
	text   []byte // of these, what is looked at
	ending http1.Ending
	rest   int64 // bytes to come of a body with a length
	chunks http1.Chunks
}

// part is which part of a message comes next.
type part uint8

const (
	inHead part = iota
	inLength
	inChunks
	inRest // of the connection
)

// head takes bytes of a head, from this sequence number on, of which at most so many are looked at, and returns how many of input
// it has, and whether it is whole. Empty lines before it are none of it (RFC 9112 section 2.2).
func (m *message) head(input []byte, at uint32, now uint64, most int) (n int, whole bool) {
	for m.length == 0 && n < len(input) && (input[n] == '\r' || input[n] == '\n') {
		n++
	}
	if n == len(input) {
		return n, false
	}
	if m.length == 0 {
		m.begin, m.at, m.text = now, at+uint32(n), m.text[:0]
	}
	taken, whole := m.ending.Find(input[n:])
	m.length += uint64(taken)
	m.text = append(m.text, input[n:n+min(taken, max(0, most-len(m.text)))]...)
	return n + taken, whole
}

// follow goes on with the body; false if there is none.
func (m *message) follow(body http1.Body) bool {
	m.length, m.part = 0, inHead
	switch body.Framing {
	case http1.Length:
		if body.Length == 0 {
			return false
		}
		m.part, m.rest = inLength, body.Length
	case http1.Chunked:
		m.part, m.chunks = inChunks, http1.Chunks{}
	case http1.UntilClose:
		m.part = inRest
	default:
		return false
	}
	return true
}

// body takes bytes of a body, and returns how many of input it has, and whether it has come to its end.
func (m *message) body(input []byte) (n int, end bool, err error) {
	switch m.part {
	case inLength:
		taken := min(m.rest, int64(len(input)))
		m.rest -= taken
		return int(taken), m.rest == 0, nil
	case inChunks:
		return m.chunks.Skip(input)
	}
	return len(input), false, nil
}

// restart forgets what was said.
func (m *message) restart() { *m = message{text: m.text[:0]} }
