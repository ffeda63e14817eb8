// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package discard

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// The offsets are drawn in the package comment.
const (
	lengthAt       = 8
	magicAt        = 16
	crcAt          = 17
	attributesAt   = 21
	lastDeltaAt    = 23
	producerIDAt   = 43
	epochAt        = 51
	sequenceAt     = 53
	countAt        = 57
	headerLength   = 61
	beforeLength   = 12 // bytes that the length field does not count
	magic          = 2
	noProducer     = -1
	controlBit     = 1 << 5
	codecMask      = 0x7
	lastKnownCodec = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// batch is what the broker needs to know of a record batch.
type batch struct {
	producerID int64
	epoch      int16
	sequence   int32
	records    int32
	// size is the length of the whole batch in bytes.
	size int
}

// errShort says that there are fewer bytes than the batch claims to have.
var errShort = errors.New("record batch is cut off")

// readBatch checks the first batch in data.
func readBatch(data []byte) (batch, error) {
	if len(data) < headerLength {
		return batch{}, fmt.Errorf("%w: %d bytes, a header has %d", errShort, len(data), headerLength)
	}
	length := int64(int32(binary.BigEndian.Uint32(data[lengthAt:])))
	size := length + beforeLength
	if size < headerLength {
		return batch{}, fmt.Errorf("record batch has length %d, below that of a header", length)
	}
	if size > int64(len(data)) {
		return batch{}, fmt.Errorf("%w: %d bytes of %d", errShort, len(data), size)
	}
	data = data[:size]
	if data[magicAt] != magic {
		return batch{}, fmt.Errorf("record batch has magic %d, want %d", data[magicAt], magic)
	}
	if want, found := binary.BigEndian.Uint32(data[crcAt:]), crc32.Checksum(data[attributesAt:], castagnoli); want != found {
		return batch{}, fmt.Errorf("record batch has crc %08x, want %08x", want, found)
	}
	b := batch{
		producerID: int64(binary.BigEndian.Uint64(data[producerIDAt:])),
		epoch:      int16(binary.BigEndian.Uint16(data[epochAt:])),
		sequence:   int32(binary.BigEndian.Uint32(data[sequenceAt:])),
		records:    int32(binary.BigEndian.Uint32(data[countAt:])),
		size:       int(size),
	}
	return b, b.check(binary.BigEndian.Uint16(data[attributesAt:]), int32(binary.BigEndian.Uint32(data[lastDeltaAt:])))
}

// check compares fields of the header with one another.
func (b batch) check(attributes uint16, lastDelta int32) error {
	switch {
	case attributes&codecMask > lastKnownCodec:
		return fmt.Errorf("record batch has unknown codec %d", attributes&codecMask)
	case attributes&controlBit != 0:
		return errors.New("record batch is a control batch, which only brokers write")
	case b.records <= 0 || lastDelta != b.records-1:
		return fmt.Errorf("record batch has %d records and last offset delta %d", b.records, lastDelta)
	case b.producerID < noProducer || b.producerID != noProducer && (b.epoch < 0 || b.sequence < 0):
		return fmt.Errorf("record batch has producer id %d, epoch %d, sequence %d", b.producerID, b.epoch, b.sequence)
	}
	return nil
}
