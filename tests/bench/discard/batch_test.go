// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package discard

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"
	"testing"
)

// encode writes a batch with a body of n bytes, whose records nobody looks at.
func encode(b batch, n int) []byte {
	data := make([]byte, headerLength+n)
	binary.BigEndian.PutUint32(data[lengthAt:], uint32(len(data)-beforeLength))
	data[magicAt] = magic
	binary.BigEndian.PutUint32(data[lastDeltaAt:], uint32(b.records-1))
	binary.BigEndian.PutUint64(data[producerIDAt:], uint64(b.producerID))
	binary.BigEndian.PutUint16(data[epochAt:], uint16(b.epoch))
	binary.BigEndian.PutUint32(data[sequenceAt:], uint32(b.sequence))
	binary.BigEndian.PutUint32(data[countAt:], uint32(b.records))
	return seal(data)
}

// seal puts the right checksum in a batch.
func seal(data []byte) []byte {
	binary.BigEndian.PutUint32(data[crcAt:], crc32.Checksum(data[attributesAt:], castagnoli))
	return data
}

func TestReadBatchTakesWhatWasEncoded(t *testing.T) {
	want := batch{producerID: 7, epoch: 2, sequence: 40, records: 3, size: headerLength + 100}
	found, err := readBatch(append(encode(want, 100), "the next batch"...))
	if err != nil || found != want {
		t.Errorf("found %+v, %v, want %+v", found, err, want)
	}
	want = batch{producerID: noProducer, epoch: -1, sequence: -1, records: 1, size: headerLength}
	if found, err := readBatch(encode(want, 0)); err != nil || found != want {
		t.Errorf("without a producer: found %+v, %v, want %+v", found, err, want)
	}
}

func TestReadBatchRefusesWhatABrokerWould(t *testing.T) {
	good := batch{producerID: 7, epoch: 2, sequence: 40, records: 3}
	for _, test := range []struct {
		name, want string
		spoil      func([]byte) []byte
	}{
		{"shorter than a header", "cut off", func(d []byte) []byte { return d[:headerLength-1] }},
		{"shorter than its length", "cut off", func(d []byte) []byte { return d[:len(d)-1] }},
		{"length below a header", "length 4", func(d []byte) []byte { d[lengthAt+2], d[lengthAt+3] = 0, 4; return d }},
		{"negative length", "length -", func(d []byte) []byte { d[lengthAt] = 0xff; return d }},
		{"old message format", "magic 1", func(d []byte) []byte { d[magicAt] = 1; return seal(d) }},
		{"a flipped bit in the body", "crc", func(d []byte) []byte { d[len(d)-1] ^= 1; return d }},
		{"unknown codec", "codec 7", func(d []byte) []byte { d[attributesAt+1] = 7; return seal(d) }},
		{"control batch", "control", func(d []byte) []byte { d[attributesAt+1] = controlBit; return seal(d) }},
		{"no records", "0 records", func(d []byte) []byte { d[countAt+3] = 0; return seal(d) }},
		{"last offset delta does not fit", "delta 9", func(d []byte) []byte { d[lastDeltaAt+3] = 9; return seal(d) }},
		{"producer without sequence", "sequence -1", func(d []byte) []byte {
			binary.BigEndian.PutUint32(d[sequenceAt:], 0xffffffff)
			return seal(d)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := readBatch(test.spoil(encode(good, 50)))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("found %v, want an error with %q", err, test.want)
			}
		})
	}
}

// FuzzReadBatch checks that an accepted batch lies inside the input, has records, and is accepted again by itself.
func FuzzReadBatch(f *testing.F) {
	f.Add(encode(batch{producerID: 7, records: 3}, 20))
	f.Add(encode(batch{producerID: noProducer, epoch: -1, sequence: -1, records: 1}, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= headerLength {
			seal(data) // or the fuzzer would never get past the checksum
		}
		b, err := readBatch(data)
		if err != nil {
			return
		}
		if b.size > len(data) || b.size < headerLength || b.records < 1 {
			t.Fatalf("%d bytes were read as %+v", len(data), b)
		}
		if again, err := readBatch(data[:b.size]); err != nil || again != b {
			t.Fatalf("%+v by itself was read as %+v, %v", b, again, err)
		}
		if _, err := readBatch(data[:b.size-1]); !errors.Is(err, errShort) {
			t.Fatalf("a batch without its last byte was read with %v", err)
		}
	})
}

func BenchmarkReadBatch(b *testing.B) {
	data := encode(batch{producerID: 7, records: 3}, 680_000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readBatch(data); err != nil {
			b.Fatal(err)
		}
	}
}
