// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http2

import (
	"encoding/binary"
	"errors"
)

// ErrFrame is returned when the input is no frame: this is not HTTP/2, or the place is not the beginning of a frame.
var ErrFrame = errors.New("read frame: not HTTP/2")

// Reader finds the frames of one direction. Its zero value reads from the beginning of a frame, or the preface, and
// keeps nothing of header blocks; [NewReader] keeps up to a limit.
type Reader struct {
	// Elided says that payloads of DATA frames are not in the input.
	Elided bool

	limit    int  // of block
	started  bool // something was read: no preface is expected any more
	aligned  bool // a frame was read
	inBlock  bool // a header block goes on: only CONTINUATION may follow
	inFrame  bool // current is the frame whose payload is being read
	failed   bool
	skip     int // bytes of payload to come that are not kept
	current  header
	pending  []byte // a frame header or a payload that is not whole
	block    []byte // header block so far
	frame    Frame  // whose block it is
	prefaced int    // bytes of the preface seen
}

// NewReader returns a Reader that keeps at most limit bytes of a header block.
func NewReader(limit int, elided bool) *Reader {
	return &Reader{limit: limit, Elided: elided}
}

// Restart makes r expect the beginning of a frame next, whatever came before.
func (r *Reader) Restart() {
	*r = Reader{Elided: r.Elided, limit: r.limit, started: true, pending: r.pending[:0], block: r.block[:0]}
}

// Elide says whether payloads of DATA frames are not in the input from now on, and how many bytes come first of one that
// began before.
func (r *Reader) Elide(elided bool, rest int) { r.Elided, r.skip = elided, rest }

// Rest is how many bytes of a payload are still to be passed over.
func (r *Reader) Rest() int { return r.skip }

// AtFrame says that the next byte begins a frame.
func (r *Reader) AtFrame() bool { return !r.failed && !r.inFrame && r.skip == 0 && len(r.pending) == 0 }

// Size is the number of bytes that r keeps.
func (r *Reader) Size() int { return cap(r.pending) + cap(r.block) }

// Feed reads more of the stream and gives each frame of interest to sink. The frame and its block are valid until sink
// returns. After an error, which is ErrFrame, nothing is read any more until Restart.
func (r *Reader) Feed(input []byte, sink func(*Frame)) error {
	for {
		switch {
		case r.failed:
			return ErrFrame
		case r.skip > 0:
			n := min(r.skip, len(input))
			r.skip -= n
			input = input[n:]
		case !r.started:
			input = r.preface(input)
		case r.inFrame:
			// Of a frame that is longer than what may be kept, the beginning is.
			payload, rest, ok := r.whole(input, min(r.current.length, r.limit))
			if input = rest; !ok {
				return nil
			}
			r.inFrame = false
			r.skip = r.current.length - len(payload)
			r.failed = !r.payload(payload, sink)
			r.pending = r.pending[:0]
			continue // also without more input: an error is to be told
		default:
			if len(input) == 0 {
				return nil
			}
			head, rest, ok := r.whole(input, HeaderSize)
			if input = rest; !ok {
				return nil
			}
			r.current = parseHeader(head)
			r.pending = r.pending[:0]
			r.failed = !r.begin(sink)
			continue
		}
		if len(input) == 0 {
			return nil
		}
	}
}

// preface moves over the client's preface, if there is one. No frame begins like it: the frame would be too long.
func (r *Reader) preface(input []byte) []byte {
	for len(input) > 0 && r.prefaced < len(Preface) {
		if input[0] != Preface[r.prefaced] {
			r.failed = r.prefaced > 0
			r.started = true
			return input
		}
		r.prefaced++
		input = input[1:]
	}
	r.started = r.prefaced == len(Preface)
	return input
}

// whole returns the next size bytes: of the input if all are there, else put together in pending.
func (r *Reader) whole(input []byte, size int) (found, rest []byte, ok bool) {
	if len(r.pending) == 0 && len(input) >= size {
		return input[:size], input[size:], true
	}
	n := min(size-len(r.pending), len(input))
	r.pending = append(r.pending, input[:n]...)
	return r.pending, input[n:], len(r.pending) == size
}

// begin decides what to do with the payload of the current frame; false if it is none.
func (r *Reader) begin(sink func(*Frame)) bool {
	h := &r.current
	if !h.plausible(!r.aligned) || r.inBlock && (h.kind != Continuation || h.stream != r.frame.Stream) {
		return false
	}
	r.aligned = true
	switch h.kind {
	case Data:
		if !r.Elided {
			r.skip = h.length
		}
		r.frame = Frame{Type: Data, Stream: h.stream, Length: h.length, EndStream: h.flags&flagEndStream != 0}
		sink(&r.frame)
	case Continuation:
		r.inFrame = true
		return r.inBlock
	case Headers, PushPromise, Reset, GoAway:
		r.inFrame = true
	default:
		r.skip = h.length
	}
	return true
}

// payload takes in the payload of the current frame; false if it is malformed.
func (r *Reader) payload(p []byte, sink func(*Frame)) bool {
	h := &r.current
	switch {
	case h.kind == Reset && len(p) == 4:
		r.frame = Frame{Type: Reset, Stream: h.stream, Code: binary.BigEndian.Uint32(p), EndStream: true}
		sink(&r.frame)
		return true
	case h.kind == GoAway && len(p) >= 8:
		r.frame = Frame{Type: GoAway, Stream: binary.BigEndian.Uint32(p) & (1<<31 - 1), Code: binary.BigEndian.Uint32(p[4:])}
		sink(&r.frame)
		return true
	case h.kind == Continuation:
		r.add(p)
		r.frame.Block = r.block
	case h.kind != Headers && h.kind != PushPromise:
		return true // longer than what may be kept
	case !r.open(p):
		return false
	}
	r.inBlock = h.flags&flagEndHeaders == 0
	if !r.inBlock {
		sink(&r.frame)
	}
	return true
}

// open begins a header block: it takes off padding, priority and the promised stream (sections 6.2, 6.6).
func (r *Reader) open(p []byte) bool {
	h := &r.current
	r.frame = Frame{Type: h.kind, Stream: h.stream, EndStream: h.kind == Headers && h.flags&flagEndStream != 0}
	padding := 0
	if h.flags&flagPadded != 0 {
		if len(p) == 0 {
			return false
		}
		padding, p = int(p[0]), p[1:]
	}
	front := 0
	switch {
	case h.kind == PushPromise:
		front = 4
	case h.flags&flagPriority != 0:
		front = 5
	}
	r.frame.Cut = r.skip > 0
	if front+padding > len(p) {
		return r.frame.Cut
	}
	if h.kind == PushPromise {
		r.frame.Promised = binary.BigEndian.Uint32(p) & (1<<31 - 1)
	}
	r.frame.Block = p[front : len(p)-padding]
	if h.flags&flagEndHeaders == 0 {
		r.block = r.block[:0]
		r.add(r.frame.Block)
	}
	return true
}

// add appends to the header block, up to the limit.
func (r *Reader) add(fragment []byte) {
	room := r.limit - len(r.block)
	if len(fragment) > room || r.skip > 0 {
		r.frame.Cut = true
		fragment = fragment[:min(len(fragment), room)]
	}
	r.block = append(r.block, fragment...)
}
