// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package recordbatch

import "encoding/binary"

// InPlace makes a batch of one record around its value, without copying the value. The value lies in room at offset, and
// what is in front of it and behind it in room may be overwritten. Compressed batches go to dst, which is extended; the
// others stay in room. plain is the batch's size before compression. ok is false, and nothing is changed, if the room does
// not suffice.
func InPlace(dst, room []byte, offset int, c *Compressor, timestamp int64, r Record) (batch []byte, plain int, ok bool, err error) {
	body := bodySize(r, 0)
	record := varintSize(int64(body)) + body
	tail := headersSize(r.Headers)
	start := offset + len(r.Value) + tail - record
	if r.Value == nil || start < HeaderSize || offset+len(r.Value)+tail > len(room) {
		return nil, 0, false, nil
	}
	head := binary.AppendVarint(room[start:start], int64(body))
	head = append(head, 0, 0, 0) // attributes, timestamp delta, position
	head = appendBytes(head, r.Key)
	binary.AppendVarint(head, int64(len(r.Value)))
	end := offset + len(r.Value)
	appendHeaders(room[end:end], r.Headers)
	records := room[start : end+tail]
	plain = HeaderSize + record
	if c.Codec() == None {
		batch = room[start-HeaderSize : end+tail : end+tail]
		clear(batch[:HeaderSize])
		putHeader(batch, None, timestamp, 1)
		return batch, plain, true, nil
	}
	at := len(dst)
	dst = append(dst, make([]byte, HeaderSize)...)
	if dst, err = c.Append(dst, records); err != nil {
		return nil, 0, true, err
	}
	putHeader(dst[at:], c.Codec(), timestamp, 1)
	return dst, plain, true, nil
}
