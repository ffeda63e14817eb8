// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package encode

import (
	"encoding/binary"
	"errors"
)

// Field numbers of OTLP, the same for all signals at the upper two levels (opentelemetry-proto, trace/v1, logs/v1).
const (
	fieldResource = 1 // of the request: ResourceX
	fieldScope    = 2 // of ResourceX: ScopeX
	fieldItem     = 2 // of ScopeX: Span, LogRecord, Metric

	// wireBytes is the wire type of length-delimited fields.
	wireBytes = 2
)

var errMalformed = errors.New("cut value: it is not well-formed")

// field is one field of a protobuf message: its number, its wire type, and where it is in the message.
type field struct {
	number, wireType int
	start            int // of the tag
	content, end     int // of the value; content is behind the length of a length-delimited value
}

// nextField reads the field at position at. It fails on anything that the message does not contain in full.
func nextField(message []byte, at int) (field, error) {
	tag, n := binary.Uvarint(message[at:])
	if n <= 0 || tag>>3 == 0 || tag>>3 > 1<<29-1 {
		return field{}, errMalformed
	}
	f := field{number: int(tag >> 3), wireType: int(tag & 7), start: at, content: at + n}
	switch f.wireType {
	case 0:
		_, n := binary.Uvarint(message[f.content:])
		if n <= 0 {
			return field{}, errMalformed
		}
		f.end = f.content + n
	case 1:
		f.end = f.content + 8
	case wireBytes:
		length, n := binary.Uvarint(message[f.content:])
		if n <= 0 || length > uint64(len(message)) {
			return field{}, errMalformed
		}
		f.content += n
		f.end = f.content + int(length)
	case 5:
		f.end = f.content + 4
	default:
		return field{}, errMalformed
	}
	if f.end > len(message) {
		return field{}, errMalformed
	}
	return f, nil
}

// container is a ResourceX or ScopeX message: what it says about itself, and the parts below it.
type container struct {
	head, tail []byte // fields before the first and behind the last part
	parts      int
}

// each calls visit for every length-delimited field of the given number and returns what surrounds them. A foreign
// field between two parts is refused: pdata's marshaller never writes one.
func each(message []byte, number int, visit func(part, whole []byte) error) (container, error) {
	var c container
	tailStart := -1
	for at := 0; at < len(message); {
		f, err := nextField(message, at)
		if err != nil {
			return c, err
		}
		if f.number == number && f.wireType == wireBytes {
			if tailStart >= 0 && tailStart != f.start {
				return c, errMalformed
			}
			if c.parts == 0 {
				c.head = message[:f.start]
			}
			c.parts++
			tailStart = f.end
			if err := visit(message[f.content:f.end], message[f.start:f.end]); err != nil {
				return c, err
			}
		}
		at = f.end
	}
	if c.parts == 0 {
		c.head = message
	} else {
		c.tail = message[tailStart:]
	}
	return c, nil
}
