// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package recordbatch

import "hash/crc32"

// The checksum covers the producer's fields, which are known only when a batch is sent, and the records behind them, which are
// most of it. So that of the records is taken where they were written, while they are in that processor's cache, and joined
// with that of the header later, which takes the same time for any size.
//
// Polynomials over the field of two elements are written with the coefficient of x^0 in the highest bit, as in the checksum.

// castagnoli returns the CRC-32C table; crc32 builds it once and recognizes it to use the processor's instruction.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// join returns the checksum of what has the checksums head and tail, tail being length bytes long: head is shifted by so
// many bytes, that is, multiplied by x^(8 length), modulo the polynomial.
func join(head, tail uint32, length int) uint32 {
	const one, x8 = 1 << 31, 1 << 23
	shift, square := uint32(one), uint32(x8)
	for ; length > 0; length >>= 1 {
		if length&1 != 0 {
			shift = multiply(shift, square)
		}
		square = multiply(square, square)
	}
	return multiply(head, shift) ^ tail
}

// multiply returns a times b modulo the polynomial.
func multiply(a, b uint32) (product uint32) {
	for ; a != 0; a <<= 1 {
		product ^= b & -(a >> 31)
		b = b>>1 ^ crc32.Castagnoli&-(b&1)
	}
	return product
}
