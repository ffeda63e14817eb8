// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bytes"
	"errors"
)

// ErrChunk is returned when a chunked body breaks its rules.
var ErrChunk = errors.New("read chunk: malformed")

// Chunks follows a chunked body (RFC 9112 section 7.1), trailers included, in pieces of any size, without keeping any of
// it. The zero value is at the beginning of a body.
type Chunks struct {
	size   int64
	place  chunkPlace
	digits bool // the size has begun
	empty  bool // the line of trailers that is read has nothing on it so far
}

type chunkPlace uint8

const (
	chunkSize chunkPlace = iota
	chunkExtension
	chunkData
	chunkDataEnd
	chunkTrailer
)

// maxChunk is what a size must be below before another digit.
const maxChunk = 1 << 58

// Skip returns how much of input is of the body, and whether it has come to its end; c is then ready for another.
func (c *Chunks) Skip(input []byte) (n int, end bool, err error) {
	for n < len(input) {
		switch c.place {
		case chunkSize:
			if err := c.digit(input[n]); err != nil {
				return n, false, err
			}
			n++
		case chunkExtension:
			i := bytes.IndexByte(input[n:], '\n')
			if i < 0 {
				return len(input), false, nil
			}
			n += i + 1
			c.begin()
		case chunkData:
			taken := min(int64(len(input)-n), c.size)
			n += int(taken)
			if c.size -= taken; c.size == 0 {
				c.place = chunkDataEnd
			}
		case chunkDataEnd:
			switch input[n] {
			case '\r':
			case '\n':
				*c = Chunks{}
			default:
				return n, false, ErrChunk
			}
			n++
		case chunkTrailer:
			letter := input[n]
			n++
			if letter == '\n' && c.empty {
				*c = Chunks{}
				return n, true, nil
			}
			c.empty = letter == '\n' || letter == '\r' && c.empty
		}
	}
	return n, false, nil
}

// digit takes one byte of a line that begins with a size.
func (c *Chunks) digit(letter byte) error {
	value, ok := hex(letter)
	switch {
	case ok && c.size < maxChunk:
		c.size, c.digits = c.size<<4|value, true
	case ok, !c.digits:
		return ErrChunk
	case letter == '\n':
		c.begin()
	case letter == '\r', letter == ';', letter == ' ', letter == '\t':
		c.place = chunkExtension
	default:
		return ErrChunk
	}
	return nil
}

// begin goes on behind the line with the size.
func (c *Chunks) begin() {
	c.place = chunkData
	if c.size == 0 {
		c.place, c.empty = chunkTrailer, true
	}
}

func hex(letter byte) (int64, bool) {
	switch {
	case '0' <= letter && letter <= '9':
		return int64(letter - '0'), true
	case 'a' <= letter && letter <= 'f':
		return int64(letter-'a') + 10, true
	case 'A' <= letter && letter <= 'F':
		return int64(letter-'A') + 10, true
	}
	return 0, false
}
