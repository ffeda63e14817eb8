// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"encoding/binary"
	"errors"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
)

// A stored request, all numbers being unsigned variable-length integers:
//
//	version 1 | length and bytes of the topic | items | number of records
//	record: items | length of the key + 1, 0 for none | key | length of the value | value
const storedVersion = 1

var errStored = errors.New("read stored request: not well-formed")

// storedSize returns a size that suffices for appendStored.
func storedSize(r *request) int {
	const perRecord = 3 * binary.MaxVarintLen32
	return 4*binary.MaxVarintLen32 + len(r.topic) + r.bytes + perRecord*len(r.records)
}

func appendStored(b []byte, r *request) []byte {
	b = append(b, storedVersion)
	b = binary.AppendUvarint(b, uint64(len(r.topic)))
	b = append(b, r.topic...)
	b = binary.AppendUvarint(b, uint64(r.items))
	b = binary.AppendUvarint(b, uint64(len(r.records)))
	for i := range r.records {
		record := &r.records[i]
		b = binary.AppendUvarint(b, uint64(record.Items))
		if record.Key == nil {
			b = append(b, 0)
		} else {
			b = binary.AppendUvarint(b, uint64(len(record.Key))+1)
			b = append(b, record.Key...)
		}
		b = binary.AppendUvarint(b, uint64(len(record.Value)))
		b = append(b, record.Value...)
	}
	return b
}

// parseStored reads a request. Its records share the memory of b.
func parseStored(b []byte) (*request, error) {
	p := storedParser{rest: b}
	if p.number() != storedVersion {
		return nil, errStored
	}
	topic := string(p.bytes(p.number()))
	items := p.number()
	const leastRecord = 3
	count := p.number()
	if p.failed || count > uint64(len(p.rest)/leastRecord) || items > uint64(len(b)) {
		return nil, errStored
	}
	records := make([]encode.Record, count)
	for i := range records {
		records[i].Items = int(min(p.number(), uint64(len(b))))
		if length := p.number(); length > 0 {
			records[i].Key = p.bytes(length - 1)
		}
		records[i].Value = p.bytes(p.number())
	}
	if p.failed || len(p.rest) != 0 {
		return nil, errStored
	}
	return newRequest(topic, records, int(items)), nil
}

// storedParser reads fields; after the first that is not there in full it only returns zeros.
type storedParser struct {
	rest   []byte
	failed bool
}

func (p *storedParser) number() uint64 {
	v, n := binary.Uvarint(p.rest)
	if n <= 0 {
		p.failed, p.rest = true, nil
		return 0
	}
	p.rest = p.rest[n:]
	return v
}

func (p *storedParser) bytes(n uint64) []byte {
	if n > uint64(len(p.rest)) {
		p.failed, p.rest = true, nil
		return nil
	}
	b := p.rest[:n:n]
	p.rest = p.rest[n:]
	return b
}
