// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package recordbatch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/pierrec/lz4/v4"
)

// lz4Block is the size of the blocks of a frame.
const lz4Block = 256 << 10

// lz4Header returns the header of a frame of such blocks, independent of each other and without checksums: the batch has
// one. It is taken from the library's own writer.
func lz4Header() ([]byte, error) {
	const headerSize = 7
	var frame bytes.Buffer
	w := lz4.NewWriter(&frame)
	if err := w.Apply(lz4.BlockSizeOption(lz4.Block256Kb), lz4.ChecksumOption(false), lz4.ConcurrencyOption(1)); err != nil {
		return nil, fmt.Errorf("build lz4 encoder: %w", err)
	}
	if _, err := w.Write([]byte{0}); err != nil {
		return nil, fmt.Errorf("build lz4 encoder: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("build lz4 encoder: %w", err)
	}
	return frame.Bytes()[:headerSize], nil
}

// appendLZ4 writes a frame straight from src to dst; the library's writer would copy both.
//
//	header | block { size, uint32 little-endian, bit 31: not compressed | bytes } ... | 0, uint32
func (c *Compressor) appendLZ4(dst, src []byte) ([]byte, error) {
	const sizeBytes, plainBit = 4, 1 << 31
	compressor := c.pool.Get().(*lz4.Compressor)
	defer c.pool.Put(compressor)
	dst = append(dst, c.lz4Header...)
	for len(src) > 0 {
		block := src[:min(len(src), lz4Block)]
		src = src[len(block):]
		at := len(dst)
		dst = slices.Grow(dst, sizeBytes+lz4.CompressBlockBound(len(block)))
		room := dst[at : at+sizeBytes+lz4.CompressBlockBound(len(block))]
		n, err := compressor.CompressBlock(block, room[sizeBytes:])
		if err != nil {
			return nil, fmt.Errorf("compress batch: %w", err)
		}
		size := uint32(n)
		if n == 0 || n >= len(block) {
			n = copy(room[sizeBytes:], block)
			size = uint32(n) | plainBit
		}
		binary.LittleEndian.PutUint32(room, size)
		dst = dst[:at+sizeBytes+n]
	}
	return append(dst, 0, 0, 0, 0), nil
}
