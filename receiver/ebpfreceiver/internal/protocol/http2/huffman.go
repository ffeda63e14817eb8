// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http2

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/net/http2/hpack"
)

// huffman is the code of RFC 7541 appendix B as it is decoded. It is canonical: codes of one length are consecutive, in
// the order of their symbols.
type huffman struct {
	short [1 << shortCode]symbol // by the next bits: the symbol whose code they begin with
	long  [longestCode + 1]codes // by length
}

const (
	shortCode    = 9 // bits: what texts are made of has 8 at most
	shortestCode = 5
	longestCode  = 30
)

// symbol is a byte and how many bits its code has; 0: more than shortCode.
type symbol struct{ value, bits uint8 }

// codes are all of one length.
type codes struct {
	first   uint32 // the others are consecutive
	symbols []byte
}

// huffmanCode is read only.
var huffmanCode = newHuffman()

// newHuffman reads the code out of x/net's encoder.
func newHuffman() *huffman {
	h := &huffman{}
	for value := range 256 {
		text := string([]byte{byte(value)})
		n := int(hpack.HuffmanEncodeLength(string(bytes.Repeat([]byte(text), 8)))) // bytes of eight are bits of one
		var coded [8]byte
		copy(coded[:], hpack.AppendHuffmanString(nil, text))
		code := uint32(binary.BigEndian.Uint64(coded[:]) >> (64 - n))
		if n <= shortCode {
			from := code << (shortCode - n)
			for i := range uint32(1) << (shortCode - n) {
				h.short[from+i] = symbol{byte(value), uint8(n)}
			}
			continue
		}
		c := &h.long[n]
		if len(c.symbols) == 0 {
			c.first = code
		}
		c.symbols = append(c.symbols, byte(value))
	}
	return h
}

// decode appends to text what coded says; false if that is malformed (section 5.2).
func (h *huffman) decode(text, coded []byte) ([]byte, bool) {
	if most := len(coded) * 8 / shortestCode; cap(text)-len(text) < most {
		text = append(make([]byte, 0, 2*(len(text)+most)), text...)
	}
	var bits uint64 // the last of them are read and not decoded
	var n uint      // how many
	for {
		switch {
		case n >= longestCode:
		case len(coded) >= 4:
			bits = bits<<32 | uint64(binary.BigEndian.Uint32(coded))
			n += 32
			coded = coded[4:]
		case len(coded) > 0:
			bits = bits<<8 | uint64(coded[0])
			n += 8
			coded = coded[1:]
			continue
		default:
			return h.last(text, bits, n)
		}
		for n >= longestCode {
			s := h.short[bits>>(n-shortCode)&(1<<shortCode-1)]
			if s.bits == 0 {
				var ok bool
				if s, ok = h.find(bits, n); !ok {
					return text, false
				}
			}
			text = append(text, s.value)
			n -= uint(s.bits)
		}
	}
}

// last decodes the last n bits, which end with a part of a code of ones alone.
func (h *huffman) last(text []byte, bits uint64, n uint) ([]byte, bool) {
	const more = 64 - longestCode - 4
	padded := bits<<more | (1<<more - 1)
	for n > 0 {
		s := h.short[padded>>(n+more-shortCode)&(1<<shortCode-1)]
		if s.bits == 0 {
			var ok bool
			if s, ok = h.find(bits, n); !ok {
				break
			}
		}
		if uint(s.bits) > n {
			break
		}
		text = append(text, s.value)
		n -= uint(s.bits)
	}
	ones := uint64(1)<<n - 1
	return text, n < 8 && bits&ones == ones
}

// find returns the symbol whose code, of more than shortCode bits, is the first of the last n bits.
func (h *huffman) find(bits uint64, n uint) (symbol, bool) {
	for length := uint(shortCode + 1); length <= min(n, longestCode); length++ {
		c := &h.long[length]
		if i := uint32(bits>>(n-length))&(1<<length-1) - c.first; i < uint32(len(c.symbols)) {
			return symbol{c.symbols[i], uint8(length)}, true
		}
	}
	return symbol{}, false
}
