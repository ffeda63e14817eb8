// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package wire

import "encoding/binary"

// reader reads big-endian fields; after the first field that is not there in full it only returns zeros.
type reader struct {
	rest   []byte
	size   int // of everything
	failed bool
	at     int // where the field begins that is not there, once failed
}

func (r *reader) fail() {
	if !r.failed {
		r.at = r.size - len(r.rest)
	}
	r.failed, r.rest = true, nil
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.fail()
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) skip(n int) { r.take(n) }

func (r *reader) uint16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// count reads an array's length and refuses one that cannot fit, given its elements' least size.
func (r *reader) count(least int) int {
	n := int(int32(r.uint32()))
	if n == -1 { // null
		return 0
	}
	if n < 0 || n > len(r.rest)/least {
		r.fail()
		return 0
	}
	return n
}

// text reads a string; null is empty.
func (r *reader) text() string { return string(r.rawText()) }

// rawText is text without a copy.
func (r *reader) rawText() []byte {
	n := int(int16(r.uint16()))
	if n == -1 {
		return nil
	}
	return r.take(n)
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// bytes reads a byte string with a length of four bytes; null is nil. The result is a copy.
func (r *reader) bytes() []byte {
	n := int(int32(r.uint32()))
	if n == -1 {
		return nil
	}
	return append([]byte(nil), r.take(n)...)
}

// numbers skips an array of four-byte numbers.
func (r *reader) numbers() { r.skip(4 * r.count(4)) }

// uvarint reads a number of seven bits a byte.
func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// tags skips tagged fields.
func (r *reader) tags() {
	for n := r.uvarint(); n > 0 && !r.failed; n-- {
		r.uvarint() // which one
		if size := r.uvarint(); size > uint64(len(r.rest)) {
			r.fail()
		} else {
			r.skip(int(size))
		}
	}
}
