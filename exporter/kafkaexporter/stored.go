// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/recordbatch"
)

// A stored request, all numbers being unsigned variable-length integers and a text being its length and its bytes:
//
//	version 2 | items
//	number of topics  | topic text ...
//	number of sets of headers | set { number of headers | header { name text | value } ... } ...
//	number of records | record { items | topic's place | headers' place + 1, 0 for none | key | value text } ...
//
// A header's value and a key are their length + 1, or 0 if there is none, and their bytes. Topics and sets of headers are
// stored once, because most records of a request share them.
const storedVersion = 2

var errStored = errors.New("read stored request: not well-formed")

// storedTables are the topics and sets of headers of a request, each with its place.
type storedTables struct {
	topics  []string
	headers [][]recordbatch.Header
	places  map[string]uint64
	sets    map[*recordbatch.Header]uint64
}

func newStoredTables(records []encode.Record) *storedTables {
	t := &storedTables{places: make(map[string]uint64), sets: make(map[*recordbatch.Header]uint64)}
	for i := range records {
		r := &records[i]
		if _, known := t.places[r.Topic]; !known {
			t.places[r.Topic] = uint64(len(t.topics))
			t.topics = append(t.topics, r.Topic)
		}
		if len(r.Headers) == 0 {
			continue
		}
		// Records that share headers share their memory.
		if _, known := t.sets[&r.Headers[0]]; !known {
			t.headers = append(t.headers, r.Headers)
			t.sets[&r.Headers[0]] = uint64(len(t.headers))
		}
	}
	return t
}

// set returns the place of a record's headers + 1.
func (t *storedTables) set(r *encode.Record) uint64 {
	if len(r.Headers) == 0 {
		return 0
	}
	return t.sets[&r.Headers[0]]
}

func appendStored(b []byte, r *request) []byte {
	tables := newStoredTables(r.records)
	b = append(b, storedVersion)
	b = binary.AppendUvarint(b, uint64(r.items))
	b = binary.AppendUvarint(b, uint64(len(tables.topics)))
	for _, topic := range tables.topics {
		b = appendText(b, topic)
	}
	b = binary.AppendUvarint(b, uint64(len(tables.headers)))
	for _, set := range tables.headers {
		b = binary.AppendUvarint(b, uint64(len(set)))
		for i := range set {
			b = appendText(b, set[i].Name)
			b = appendOptional(b, set[i].Value)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(r.records)))
	for i := range r.records {
		record := &r.records[i]
		b = binary.AppendUvarint(b, uint64(record.Items))
		b = binary.AppendUvarint(b, tables.places[record.Topic])
		b = binary.AppendUvarint(b, tables.set(record))
		b = appendOptional(b, record.Key)
		b = appendText(b, record.Value)
	}
	return b
}

func appendText[T string | []byte](b []byte, text T) []byte {
	b = binary.AppendUvarint(b, uint64(len(text)))
	return append(b, text...)
}

func appendOptional(b, value []byte) []byte {
	if value == nil {
		return append(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(len(value))+1)
	return append(b, value...)
}

// parseStored reads a request. Its records share the memory of b.
func parseStored(b []byte) (*request, error) {
	p := storedParser{rest: b}
	if p.number() != storedVersion {
		return nil, errStored
	}
	items := p.number()
	topics := make([]string, p.count(1))
	for i := range topics {
		topics[i] = string(p.bytes(p.number()))
	}
	headers := make([][]recordbatch.Header, p.count(1))
	for i := range headers {
		headers[i] = p.headers()
	}
	const leastRecord = 5
	records := make([]encode.Record, p.count(leastRecord))
	for i := range records {
		records[i] = p.record(topics, headers)
	}
	if p.failed || len(p.rest) != 0 || items > uint64(len(b)) {
		return nil, errStored
	}
	return newRequest(records, int(items)), nil
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

// count reads the number of elements of which each takes at least so many bytes.
func (p *storedParser) count(least int) int {
	n := p.number()
	if n > uint64(len(p.rest)/least) {
		p.failed, p.rest = true, nil
		return 0
	}
	return int(n)
}

func (p *storedParser) headers() []recordbatch.Header {
	const leastHeader = 2
	set := make([]recordbatch.Header, p.count(leastHeader))
	for i := range set {
		set[i] = recordbatch.Header{Name: string(p.bytes(p.number())), Value: p.optional()}
	}
	return set
}

func (p *storedParser) record(topics []string, headers [][]recordbatch.Header) encode.Record {
	r := encode.Record{Items: int(min(p.number(), math.MaxInt32))}
	topic, set := p.number(), p.number()
	if topic >= uint64(len(topics)) || set > uint64(len(headers)) {
		p.failed, p.rest = true, nil
		return r
	}
	r.Topic = topics[topic]
	if set > 0 {
		r.Headers = headers[set-1]
	}
	r.Key = p.optional()
	r.Value = p.bytes(p.number())
	return r
}

func (p *storedParser) optional() []byte {
	length := p.number()
	if length == 0 {
		return nil
	}
	return p.bytes(length - 1)
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
