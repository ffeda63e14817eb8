// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package recordbatch

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"
	"slices"
)

// HeaderSize is the number of bytes before the records.
const HeaderSize = 61

// NoProducer is the producer id, epoch and sequence of a batch without idempotence.
const NoProducer = -1

const (
	offsetLength     = 8
	offsetMagic      = 16
	offsetCRC        = 17
	offsetAttributes = 21
	offsetLastDelta  = 23
	offsetTimestamp  = 27
	offsetMaxTime    = 35
	offsetProducerID = 43
	offsetEpoch      = 51
	offsetSequence   = 53
	offsetCount      = 57
)

// Record is one message. A nil key or value is encoded as absent, an empty one as empty.
type Record struct {
	Key, Value []byte
	Headers    []Header
}

// Header is one header of a record. Names may repeat. A nil value is encoded as absent, an empty one as empty.
type Header struct {
	Name  string
	Value []byte
}

// Producer is who wrote a batch and where in its sequence the batch stands.
type Producer struct {
	ID       int64
	Epoch    int16
	Sequence int32
}

// RecordSize returns the encoded size of r at the given position in its batch, in bytes.
func RecordSize(r Record, position int) int {
	body := bodySize(r, position)
	return varintSize(int64(body)) + body
}

func bodySize(r Record, position int) int {
	const attributesAndDelta = 2
	return attributesAndDelta + varintSize(int64(position)) + bytesSize(r.Key) + bytesSize(r.Value) + headersSize(r.Headers)
}

func headersSize(headers []Header) int {
	size := varintSize(int64(len(headers)))
	for i := range headers {
		size += varintSize(int64(len(headers[i].Name))) + len(headers[i].Name) + bytesSize(headers[i].Value)
	}
	return size
}

func bytesSize(b []byte) int {
	if b == nil {
		return 1
	}
	return varintSize(int64(len(b))) + len(b)
}

// Append appends a batch of all records, in order and with one timestamp (milliseconds since 1970), to dst and returns
// the extended slice and the batch's size before compression. scratch holds the records while they are compressed; it
// may be nil, and is returned so that it can be used again. records must not be empty.
func Append(dst, scratch []byte, c *Compressor, timestamp int64, records []Record) (batch, newScratch []byte, plain int, err error) {
	start := len(dst)
	size := recordsSize(records)
	if c.Codec() == None {
		dst = slices.Grow(dst, HeaderSize+size)
	}
	dst = append(dst, make([]byte, HeaderSize)...)
	if c.Codec() == None {
		dst = appendRecords(dst, records)
		plain = len(dst) - start
	} else {
		scratch = appendRecords(slices.Grow(scratch[:0], size), records)
		plain = HeaderSize + len(scratch)
		if dst, err = c.Append(dst, scratch); err != nil {
			return nil, scratch, 0, err
		}
	}
	if len(dst)-start > math.MaxInt32 {
		return nil, scratch, 0, fmt.Errorf("encode batch: %d bytes do not fit", len(dst)-start)
	}
	putHeader(dst[start:], c.Codec(), timestamp, len(records))
	return dst, scratch, plain, nil
}

func recordsSize(records []Record) (size int) {
	for i := range records {
		size += RecordSize(records[i], i)
	}
	return size
}

func appendRecords(dst []byte, records []Record) []byte {
	for i := range records {
		dst = appendRecord(dst, records[i], i)
	}
	return dst
}

func appendRecord(dst []byte, r Record, position int) []byte {
	dst = binary.AppendVarint(dst, int64(bodySize(r, position)))
	dst = append(dst, 0, 0) // attributes, timestamp delta
	dst = binary.AppendVarint(dst, int64(position))
	dst = appendBytes(dst, r.Key)
	return appendHeaders(appendBytes(dst, r.Value), r.Headers)
}

func appendHeaders(dst []byte, headers []Header) []byte {
	dst = binary.AppendVarint(dst, int64(len(headers)))
	for i := range headers {
		dst = binary.AppendVarint(dst, int64(len(headers[i].Name)))
		dst = append(dst, headers[i].Name...)
		dst = appendBytes(dst, headers[i].Value)
	}
	return dst
}

func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return binary.AppendVarint(dst, -1)
	}
	dst = binary.AppendVarint(dst, int64(len(b)))
	return append(dst, b...)
}

// putHeader fills in everything but the producer's fields and the whole checksum, which Stamp adds.
func putHeader(batch []byte, codec Codec, timestamp int64, count int) {
	const offsetLeaderEpoch = 12
	order := binary.BigEndian
	order.PutUint64(batch, 0)
	order.PutUint32(batch[offsetLength:], uint32(len(batch)-offsetLength-4))
	order.PutUint32(batch[offsetLeaderEpoch:], math.MaxUint32)
	batch[offsetMagic] = 2
	order.PutUint16(batch[offsetAttributes:], uint16(codec))
	order.PutUint32(batch[offsetLastDelta:], uint32(count-1))
	order.PutUint64(batch[offsetTimestamp:], uint64(timestamp))
	order.PutUint64(batch[offsetMaxTime:], uint64(timestamp))
	order.PutUint32(batch[offsetCount:], uint32(count))
	// Until Stamp completes it, its place holds the checksum of the records.
	order.PutUint32(batch[offsetCRC:], crc32.Checksum(batch[HeaderSize:], castagnoli()))
}

// Stamp writes the producer's fields and the checksum into a batch made by Append or InPlace, for the first time or, with the checksum
// that it remembered then, anew. It must not be called while another goroutine may read the batch.
func Stamp(batch []byte, p Producer, sum *Checksum) {
	order := binary.BigEndian
	if !sum.known {
		*sum = Checksum{true, order.Uint32(batch[offsetCRC:])}
	}
	order.PutUint64(batch[offsetProducerID:], uint64(p.ID))
	order.PutUint16(batch[offsetEpoch:], uint16(p.Epoch))
	order.PutUint32(batch[offsetSequence:], uint32(p.Sequence))
	head := crc32.Checksum(batch[offsetAttributes:HeaderSize], castagnoli())
	order.PutUint32(batch[offsetCRC:], join(head, sum.records, len(batch)-HeaderSize))
}

// Checksum remembers the checksum of a batch's records, whose place Stamp overwrites. The zero value is for a batch that was
// never stamped.
type Checksum struct {
	known   bool
	records uint32
}

// NextSequence returns the sequence after a batch of count records that began at sequence. Sequences have 31 bits and
// start again at 0.
func NextSequence(sequence int32, count int) int32 {
	return int32((int64(sequence) + int64(count)) & math.MaxInt32)
}

func varintSize(v int64) int {
	zigzag := uint64(v<<1) ^ uint64(v>>63)
	return (bits.Len64(zigzag|1) + 6) / 7
}
