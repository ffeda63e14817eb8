// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

const (
	// ChunkBytes is the most data in one value of the store.
	ChunkBytes = 1 << 20

	version    = 1
	headBytes  = 4 + 2 + 2 + 8 + 8 + 4 + 8 + sumBytes
	idBytes    = 8
	sumBytes   = 4
	sets       = 2
	maxChunks  = 1 << 16 // 64 GiB; a head that says more is damaged
	chunkFrame = idBytes + sumBytes
)

var (
	// ErrNone says that there is no snapshot.
	ErrNone = errors.New("no snapshot")
	// ErrDamaged says that there was one.
	ErrDamaged = errors.New("snapshot is damaged")
	// ErrVersion says that the snapshot was written by another version of this package.
	ErrVersion = errors.New("snapshot has another format")
	// ErrSeed says that the keys in the snapshot were hashed with another seed.
	ErrSeed = errors.New("snapshot has another seed")
)

var (
	magic      = []byte("RSNP")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// head describes a whole snapshot.
type head struct {
	set    uint16
	id     uint64
	seed   uint64
	chunks uint32
	bytes  uint64
}

func (h head) encode() []byte {
	b := append(make([]byte, 0, headBytes), magic...)
	b = binary.LittleEndian.AppendUint16(b, version)
	b = binary.LittleEndian.AppendUint16(b, h.set)
	b = binary.LittleEndian.AppendUint64(b, h.id)
	b = binary.LittleEndian.AppendUint64(b, h.seed)
	b = binary.LittleEndian.AppendUint32(b, h.chunks)
	b = binary.LittleEndian.AppendUint64(b, h.bytes)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodeHead(b []byte) (h head, err error) {
	switch {
	case len(b) < len(magic)+2 || !bytes.Equal(b[:len(magic)], magic):
		return h, fmt.Errorf("%w: its head begins with %q", ErrDamaged, b[:min(len(b), len(magic))])
	case binary.LittleEndian.Uint16(b[4:]) != version:
		return h, fmt.Errorf("%w: version %d, this is %d", ErrVersion, binary.LittleEndian.Uint16(b[4:]), version)
	case len(b) != headBytes || crc32.Checksum(b[:headBytes-sumBytes], castagnoli) != binary.LittleEndian.Uint32(b[headBytes-sumBytes:]):
		return h, fmt.Errorf("%w: checksum of its head", ErrDamaged)
	}
	h = head{
		set:    binary.LittleEndian.Uint16(b[6:]),
		id:     binary.LittleEndian.Uint64(b[8:]),
		seed:   binary.LittleEndian.Uint64(b[16:]),
		chunks: binary.LittleEndian.Uint32(b[24:]),
		bytes:  binary.LittleEndian.Uint64(b[28:]),
	}
	if h.set >= sets || h.chunks > maxChunks || h.bytes > uint64(h.chunks)*ChunkBytes {
		return h, fmt.Errorf("%w: its head says set %d, %d chunks, %d bytes", ErrDamaged, h.set, h.chunks, h.bytes)
	}
	return h, nil
}

// seal turns a frame whose id and data are in place into chunk number n.
func seal(frame []byte, n uint32) []byte {
	return binary.LittleEndian.AppendUint32(frame, chunkSum(frame, n))
}

// open returns the data of chunk number n.
func (h head) open(b []byte, n uint32) ([]byte, error) {
	if len(b) < chunkFrame {
		return nil, fmt.Errorf("%w: chunk %d of %d has %d bytes", ErrDamaged, n, h.chunks, len(b))
	}
	body, sum := b[:len(b)-sumBytes], binary.LittleEndian.Uint32(b[len(b)-sumBytes:])
	if binary.LittleEndian.Uint64(body) != h.id || chunkSum(body, n) != sum {
		return nil, fmt.Errorf("%w: checksum of chunk %d of %d", ErrDamaged, n, h.chunks)
	}
	return body[idBytes:], nil
}

func chunkSum(body []byte, n uint32) uint32 {
	number := binary.LittleEndian.AppendUint32(make([]byte, 0, 4), n)
	return crc32.Update(crc32.Checksum(body, castagnoli), castagnoli, number)
}
