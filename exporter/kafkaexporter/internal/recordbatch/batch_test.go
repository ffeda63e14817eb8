// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package recordbatch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var codecs = []Codec{None, Gzip, Snappy, LZ4, Zstd}

func compressor(tb testing.TB, codec Codec, level int) *Compressor {
	tb.Helper()
	c, err := NewCompressor(codec, level)
	require.NoError(tb, err)
	return c
}

// decode reads a batch with kafka-go's decoder, which shares no code with the encoder under test.
func decode(tb testing.TB, batch []byte) []Record {
	tb.Helper()
	var set protocol.RecordSet
	framed := binary.BigEndian.AppendUint32(nil, uint32(len(batch)))
	_, err := set.ReadFrom(bytes.NewReader(append(framed, batch...)))
	require.NoError(tb, err)
	var records []Record
	for set.Records != nil {
		r, err := set.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(tb, err)
		require.Equal(tb, int64(len(records)), r.Offset)
		record := Record{Key: read(tb, r.Key), Value: read(tb, r.Value)}
		for _, h := range r.Headers {
			record.Headers = append(record.Headers, Header{h.Key, h.Value})
		}
		records = append(records, record)
	}
	return records
}

func read(tb testing.TB, b protocol.Bytes) []byte {
	tb.Helper()
	if b == nil {
		return nil
	}
	content, err := io.ReadAll(b)
	require.NoError(tb, err)
	return content
}

func TestEveryCodecRoundTripsThroughKafkaGo(t *testing.T) {
	records := []Record{
		{Value: []byte("no key")},
		{Key: []byte("key"), Value: []byte("value")},
		{Key: []byte{}, Value: []byte{}},
		{Key: []byte("tombstone")},
		{Key: []byte("long"), Value: []byte(strings.Repeat("0123456789", 30_000))},
		{Value: []byte("headers"), Headers: []Header{{"twice", []byte("a")}, {"twice", []byte(strings.Repeat("b", 70))}, {"", []byte{}}}},
	}
	for _, codec := range codecs {
		batch, _, plain, err := Append(nil, nil, compressor(t, codec, 0), 1234, records)
		require.NoError(t, err)
		Stamp(batch, Producer{7, 3, 99}, new(Checksum))
		assert.Equal(t, records, decode(t, batch), "codec %d", codec)
		assert.Equal(t, uint16(codec), binary.BigEndian.Uint16(batch[offsetAttributes:]))
		want := HeaderSize
		for i, r := range records {
			want += RecordSize(r, i)
		}
		assert.Equal(t, want, plain)
	}
}

func TestTheHeaderIsWhatThePackageCommentSays(t *testing.T) {
	batch, _, _, err := Append([]byte("before"), nil, compressor(t, None, 0), 0x0102030405, []Record{{Value: []byte("a")}, {Value: []byte("b")}})
	require.NoError(t, err)
	require.Equal(t, "before", string(batch[:6]))
	batch = batch[6:]
	Stamp(batch, Producer{0x1122334455667788, 0x0a0b, 0x01020304}, new(Checksum))
	order := binary.BigEndian
	assert.Zero(t, order.Uint64(batch))
	assert.Equal(t, len(batch)-12, int(order.Uint32(batch[8:])))
	assert.Equal(t, uint32(math.MaxUint32), order.Uint32(batch[12:]), "leader epoch")
	assert.Equal(t, byte(2), batch[16], "magic")
	assert.Equal(t, crc32.Checksum(batch[21:], crc32.MakeTable(crc32.Castagnoli)), order.Uint32(batch[17:]))
	assert.Equal(t, uint32(1), order.Uint32(batch[23:]), "last offset delta")
	assert.Equal(t, uint64(0x0102030405), order.Uint64(batch[27:]))
	assert.Equal(t, uint64(0x0102030405), order.Uint64(batch[35:]))
	assert.Equal(t, uint64(0x1122334455667788), order.Uint64(batch[43:]))
	assert.Equal(t, uint16(0x0a0b), order.Uint16(batch[51:]))
	assert.Equal(t, uint32(0x01020304), order.Uint32(batch[53:]))
	assert.Equal(t, uint32(2), order.Uint32(batch[57:]))
	assert.Equal(t, []byte{14, 0, 0, 0, 1, 2, 'a', 0, 14, 0, 0, 2, 1, 2, 'b', 0}, batch[61:])
}

func TestStampingAgainChangesNothingButTheProducerAndTheChecksum(t *testing.T) {
	batch, _, _, err := Append(nil, nil, compressor(t, LZ4, 0), 1, []Record{{Value: []byte("a")}})
	require.NoError(t, err)
	var sum Checksum
	Stamp(batch, Producer{1, 0, 0}, &sum)
	first := bytes.Clone(batch)
	Stamp(batch, Producer{2, 1, 5}, &sum)
	assert.NotEqual(t, first, batch)
	Stamp(batch, Producer{1, 0, 0}, &sum)
	assert.Equal(t, first, batch)
}

func TestSplit(t *testing.T) {
	records := []Record{{Value: make([]byte, 100)}, {Value: make([]byte, 100)}, {Value: make([]byte, 500)}}
	two := HeaderSize + RecordSize(records[0], 0) + RecordSize(records[1], 1)
	for name, test := range map[string]struct{ bytes, count, want int }{
		"all fit":                            {1 << 20, 10, 3},
		"two fit to the byte":                {two, 10, 2},
		"two do not fit by a byte":           {two - 1, 10, 1},
		"the first is too large":             {100, 10, 0},
		"the number of records is the limit": {1 << 20, 2, 2},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, Split(records, test.bytes, test.count)) })
	}
	assert.Zero(t, Split(nil, 100, 100))
}

func TestNextSequenceStartsAgainAtZero(t *testing.T) {
	assert.Equal(t, int32(15), NextSequence(5, 10))
	assert.Equal(t, int32(math.MaxInt32), NextSequence(math.MaxInt32-1, 1))
	assert.Equal(t, int32(0), NextSequence(math.MaxInt32, 1))
	assert.Equal(t, int32(4), NextSequence(math.MaxInt32-5, 10))
}

func TestVarintSizeIsThatOfTheEncoding(t *testing.T) {
	for range 2000 {
		v := rand.Int64() >> rand.IntN(64)
		if rand.IntN(2) == 0 {
			v = -v
		}
		assert.Len(t, binary.AppendVarint(nil, v), varintSize(v), "%d", v)
	}
}

func TestCodecNames(t *testing.T) {
	for i, name := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		codec, err := ParseCodec(name)
		require.NoError(t, err)
		assert.Equal(t, Codec(i), codec)
	}
	for _, wrong := range []string{"", "GZIP", "brotli"} {
		_, err := ParseCodec(wrong)
		assert.ErrorContains(t, err, wrong)
	}
}

func TestLevels(t *testing.T) {
	for name, test := range map[string]struct {
		codec Codec
		level int
		good  bool
	}{
		"gzip default": {Gzip, 0, true}, "gzip minus one": {Gzip, -1, true}, "gzip nine": {Gzip, 9, true}, "gzip ten": {Gzip, 10, false},
		"zstd eleven": {Zstd, 11, true}, "zstd default": {Zstd, 0, true},
		"snappy has none": {Snappy, 1, false}, "lz4 has none": {LZ4, 1, false}, "none has none": {None, 3, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewCompressor(test.codec, test.level)
			assert.Equal(t, test.good, err == nil, "%v", err)
		})
	}
}

func TestPoolGivesEmptyBuffersAndForgetsGiants(t *testing.T) {
	var p Pool
	b := p.Get()
	*b = append(*b, "content"...)
	p.Put(b)
	assert.Empty(t, *p.Get())
	giant := make([]byte, maxPooled+1)
	p.Put(&giant)
	assert.LessOrEqual(t, cap(*p.Get()), maxPooled)
}
