// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"strconv"
	"unsafe"

	"github.com/dchest/siphash"
)

// hasher hashes with SipHash-2-4 (Aumasson and Bernstein 2012): who does not know the seed cannot choose values whose
// hashes meet, and whoever does gets the same hashes in every process.
type hasher struct{ k0, k1 uint64 }

func newHasher(seed uint64) hasher { return hasher{k0: seed, k1: spread(seed)} }

// text returns the hash of a text, never 0; 0 for the empty one: all anonymous users are not one user.
func (h hasher) text(s string) uint64 {
	if s == "" {
		return 0
	}
	return h.bytes(unsafe.Slice(unsafe.StringData(s), len(s))) // which are only read
}

func (h hasher) bytes(b []byte) uint64 { return max(1, siphash.Hash(h.k0, h.k1, b)) }

// value returns the hash of the value's text, so that the user 42 and the user "42" are one; 0 when the value
// identifies nothing: absent, empty, or not a scalar.
func (h hasher) value(v *Value) uint64 {
	var buffer [32]byte
	switch v.Kind {
	case String:
		return h.text(v.Text)
	case Int:
		return h.bytes(strconv.AppendInt(buffer[:0], v.Int, 10))
	case Double:
		return h.bytes(strconv.AppendFloat(buffer[:0], v.Double, 'g', -1, 64))
	case Bool:
		return h.bytes(strconv.AppendBool(buffer[:0], v.Int == 1))
	default:
		return 0
	}
}

// join makes one hash of two, never 0. Their order matters.
func join(a, b uint64) uint64 { return max(1, spread(spread(a)+b)) }

// spread is the finalizer of SplitMix64 (Steele, Lea and Flood 2014).
func spread(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
