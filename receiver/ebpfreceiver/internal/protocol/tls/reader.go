// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package tls

import (
	"encoding/binary"
	"errors"
)

// ErrRecord is returned when the input is no TLS record.
var ErrRecord = errors.New("read record: not TLS")

// Kind is what a [Message] is: the type of a handshake message (RFC 8446 section 4), or one of those that are none.
type Kind uint16

// The kinds that are told apart.
const (
	ClientHello        Kind = 1
	ServerHello        Kind = 2
	NewSessionTicket   Kind = 4
	Certificate        Kind = 11
	ServerKeyExchange  Kind = 12
	CertificateRequest Kind = 13
	ServerHelloDone    Kind = 14
	CertificateVerify  Kind = 15
	ClientKeyExchange  Kind = 16
	Finished           Kind = 20

	// ChangeCipherSpec says that what follows may be encrypted.
	ChangeCipherSpec Kind = 0x100
	// Alert is one that is not encrypted: level and description.
	Alert Kind = 0x101
	// Encrypted is any encrypted record. Its body is not there, Message.Length is its length.
	Encrypted Kind = 0x102
)

// Message is what a [Reader] found.
type Message struct {
	// Body is the message without its header, or the beginning of it if Cut.
	Body []byte
	// Length is the length of the whole body.
	Length int
	// Kind is what it is.
	Kind Kind
	// Cut says that Body is shorter than Length.
	Cut bool
	// Type is that of an encrypted record.
	Type byte
}

// Types of records.
const (
	recordChange    = 20
	recordAlert     = 21
	recordHandshake = 22
	recordData      = 23
)

const (
	recordHeader  = 5
	messageHeader = 4
	// maxRecord is the longest fragment (RFC 5246 section 6.2.3, which allows more than RFC 8446).
	maxRecord = 1<<14 + 2048
)

// Reader finds the messages of one direction, from the beginning of its first record.
type Reader struct {
	// Elided says that fragments of application data are not in the input.
	Elided bool

	limit   int // of a message
	failed  bool
	changed bool // ChangeCipherSpec was sent
	sealed  bool // the current record is encrypted
	kind    byte // of the current record
	left    int  // bytes of its fragment to come
	head    []byte
	message []byte // header and body of the current handshake message, or an alert
	total   int    // length of the current handshake message; 0: its header is not whole
	dropped int    // bytes of it that were not kept
}

// NewReader returns a Reader that keeps at most limit bytes of a message.
func NewReader(limit int, elided bool) *Reader { return &Reader{limit: limit, Elided: elided} }

// Elide says whether fragments of application data are not in the input from now on, and how many bytes come first of one
// that began before.
func (r *Reader) Elide(elided bool, rest int) {
	r.Elided = elided
	if rest > 0 {
		r.kind, r.sealed, r.left = recordData, true, rest
	}
}

// Size is the number of bytes that r keeps.
func (r *Reader) Size() int { return cap(r.head) + cap(r.message) }

// IsRecord says whether a stream that begins with prefix, of at least six bytes, begins with a record.
func IsRecord(prefix []byte) bool {
	return len(prefix) > recordHeader && recordChange <= prefix[0] && prefix[0] <= recordData && prefix[1] == 3 && prefix[2] <= 4 &&
		binary.BigEndian.Uint16(prefix[3:]) <= maxRecord
}

// Feed reads more of the stream and gives each message to sink. It is valid until sink returns. After an error, which
// is ErrRecord, nothing is read any more.
func (r *Reader) Feed(input []byte, sink func(*Message)) error {
	for len(input) > 0 && !r.failed {
		if r.left > 0 {
			n := min(r.left, len(input))
			r.left -= n
			r.fragment(input[:n], sink)
			input = input[n:]
			continue
		}
		n := min(recordHeader-len(r.head), len(input))
		r.head = append(r.head, input[:n]...)
		input = input[n:]
		if len(r.head) == recordHeader {
			r.begin(sink)
			r.head = r.head[:0]
		}
	}
	if r.failed {
		return ErrRecord
	}
	return nil
}

// begin looks at the header of a record.
func (r *Reader) begin(sink func(*Message)) {
	length := int(binary.BigEndian.Uint16(r.head[3:]))
	r.kind, r.left = r.head[0], length
	known := recordChange <= r.kind && r.kind <= recordData
	if !known || r.head[1] != 3 || r.head[2] > 4 || length > maxRecord {
		r.failed = true
		return
	}
	r.sealed = r.kind == recordData
	if r.kind != recordHandshake {
		r.message, r.total, r.dropped = r.message[:0], 0, 0
	}
	switch r.kind {
	case recordData:
		sink(&Message{Kind: Encrypted, Length: length, Type: recordData})
		if r.Elided {
			r.left = 0
		}
	case recordAlert:
		if r.sealed = length != 2; r.sealed {
			sink(&Message{Kind: Encrypted, Length: length, Type: recordAlert})
		}
	}
}

// fragment takes in bytes of the current record.
func (r *Reader) fragment(b []byte, sink func(*Message)) {
	switch {
	case r.sealed:
	case r.kind == recordChange:
		if r.left == 0 {
			r.changed = true
			sink(&Message{Kind: ChangeCipherSpec})
		}
	case r.kind == recordAlert:
		r.message = append(r.message, b...)
		if len(r.message) == 2 {
			sink(&Message{Kind: Alert, Body: r.message, Length: 2})
			r.message = r.message[:0]
		}
	default:
		r.handshake(b, sink)
	}
}

// handshake takes in bytes of handshake messages. After ChangeCipherSpec they are encrypted, but for the second hellos
// of TLS 1.3, which are told by their beginning.
func (r *Reader) handshake(b []byte, sink func(*Message)) {
	for len(b) > 0 && !r.sealed {
		if r.total == 0 {
			n := min(messageHeader-len(r.message), len(b))
			r.message = append(r.message, b[:n]...)
			b = b[n:]
			if len(r.message) < messageHeader {
				return
			}
			r.total = int(r.message[1])<<16 | int(r.message[2])<<8 | int(r.message[3])
			if r.changed && (Kind(r.message[0]) > ServerHello || r.total != r.left+len(b)) {
				r.sealed = true
				sink(&Message{Kind: Encrypted, Length: messageHeader + r.left + len(b), Type: recordHandshake})
				r.message, r.total = r.message[:0], 0
				return
			}
			if r.total == 0 {
				r.finish(sink)
				continue
			}
		}
		missing := messageHeader + r.total - len(r.message) - r.dropped
		n := min(missing, len(b))
		keep := min(n, max(0, r.limit-len(r.message)))
		r.message = append(r.message, b[:keep]...)
		r.dropped += n - keep
		if b = b[n:]; n == missing {
			r.finish(sink)
		}
	}
}

// finish hands on the current handshake message.
func (r *Reader) finish(sink func(*Message)) {
	sink(&Message{
		Kind: Kind(r.message[0]), Body: r.message[messageHeader:], Length: r.total, Cut: r.dropped > 0,
	})
	r.message, r.total, r.dropped = r.message[:0], 0, 0
}

// PlainAlert returns the description of an alert that is not encrypted, if input begins with one.
func PlainAlert(input []byte) (description uint8, ok bool) {
	if len(input) < recordHeader+2 || input[0] != recordAlert || !IsRecord(input) || binary.BigEndian.Uint16(input[3:]) != 2 {
		return 0, false
	}
	return input[recordHeader+1], true
}
