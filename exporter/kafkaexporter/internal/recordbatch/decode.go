// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package recordbatch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

var errBatch = errors.New("read batch: not well-formed")

// Records returns the records of a batch made by [Append] or [InPlace], for when it has to be made anew. They share the
// batch's memory unless it is compressed.
func Records(batch []byte) ([]Record, error) {
	const codecMask = 7
	if len(batch) < HeaderSize {
		return nil, errBatch
	}
	plain, err := expand(Codec(batch[offsetAttributes+1]&codecMask), batch[HeaderSize:])
	if err != nil {
		return nil, err
	}
	d := decoder{rest: plain}
	count := int(binary.BigEndian.Uint32(batch[offsetCount:]))
	if count > len(plain) {
		return nil, errBatch
	}
	records := make([]Record, 0, count)
	for range count {
		records = append(records, d.record())
	}
	if d.failed || len(d.rest) != 0 {
		return nil, errBatch
	}
	return records, nil
}

// expand is the opposite of [Compressor.Append].
func expand(codec Codec, src []byte) (plain []byte, err error) {
	switch codec {
	case None:
		return src, nil
	case Snappy:
		plain, err = s2.Decode(nil, src)
	case Zstd:
		var decoder *zstd.Decoder
		if decoder, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1)); err == nil {
			defer decoder.Close()
			plain, err = decoder.DecodeAll(src, nil)
		}
	case Gzip:
		var reader *gzip.Reader
		if reader, err = gzip.NewReader(bytes.NewReader(src)); err == nil {
			plain, err = io.ReadAll(reader)
		}
	case LZ4:
		plain, err = io.ReadAll(lz4.NewReader(bytes.NewReader(src)))
	default:
		err = errBatch
	}
	if err != nil {
		return nil, fmt.Errorf("expand batch: %w", err)
	}
	return plain, nil
}

// decoder reads fields; after the first that is not there in full it only returns zeros.
type decoder struct {
	rest   []byte
	failed bool
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.rest)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

// take reads so many bytes; a negative number is a value that is absent.
func (d *decoder) take(n int64) []byte {
	if n < 0 {
		return nil
	}
	if n > int64(len(d.rest)) {
		d.fail()
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) fail() { d.failed, d.rest = true, nil }

func (d *decoder) record() Record {
	d.varint() // length
	d.take(1)  // attributes
	d.varint() // timestamp delta
	d.varint() // position
	r := Record{Key: d.take(d.varint()), Value: d.take(d.varint())}
	headers := d.varint()
	if headers < 0 || headers > int64(len(d.rest)) {
		d.fail()
		return r
	}
	for range headers {
		name := d.take(d.varint())
		r.Headers = append(r.Headers, Header{Name: string(name), Value: d.take(d.varint())})
	}
	return r
}
