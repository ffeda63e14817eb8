// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/producer"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/recordbatch"
)

// Names of the headers of a record in the dead-letter topic, and the reason that is there.
const (
	deadLetterReason = "dead_letter.reason"
	deadLetterTopic  = "dead_letter.topic"
	deadLetterSize   = "dead_letter.size"
	deadLetterLimit  = "dead_letter.limit"
	reasonTooLarge   = "message_too_large"
)

// packer makes the batches of one topic. What is too large it cuts, and what cannot be cut goes to the dead-letter topic.
type packer struct {
	exporter *kafkaExporter
	req      *request
	topic    string
	now      int64
	// plain bounds a batch before compression, sent a batch as it is sent; sent is 0 if the topic's limit is not known.
	plain, sent int

	batches []*producer.Batch
	dead    []encode.Record
	blanks  []producer.Batch // memory for batches to come
}

// newPacker finds the limits. Without compression the topic's limit is known to hold before anything is encoded.
func (e *kafkaExporter) newPacker(req *request, topic string, limit int) packer {
	p := packer{exporter: e, req: req, topic: topic, now: time.Now().UnixMilli(), plain: e.config.Producer.MaxMessageBytes, sent: limit}
	if topic == e.config.DeadLetterTopic {
		// Its own limit decides: it is there for what is too large elsewhere.
		p.plain = math.MaxInt32
	}
	if limit > 0 && e.codec.Codec() == recordbatch.None {
		p.plain = min(p.plain, limit)
	}
	return p
}

// expect makes room for so many batches, so that memory is asked for once for all of them and not for each.
func (p *packer) expect(batches int) {
	p.blanks = make([]producer.Batch, batches)
	p.batches = make([]*producer.Batch, 0, batches)
	p.req.buffers = slices.Grow(p.req.buffers, batches)
}

// blank returns memory for a batch.
func (p *packer) blank() *producer.Batch {
	if len(p.blanks) == 0 {
		return new(producer.Batch)
	}
	b := &p.blanks[0]
	p.blanks = p.blanks[1:]
	return b
}

// fill makes the batches of a partition.
func (p *packer) fill(index int32, records []recordbatch.Record) error {
	most := p.exporter.config.Producer.FlushMaxMessages
	for len(records) > 0 {
		n := recordbatch.Split(records, p.plain, most)
		if n == 0 {
			pieces, err := p.cut(records[0], p.plain, false)
			if err != nil {
				return err
			}
			records = append(pieces, records[1:]...)
			continue
		}
		b, err := p.batch(index, records[:n])
		if err != nil {
			return err
		}
		switch {
		case p.sent == 0 || len(b.Bytes) <= p.sent:
			p.batches = append(p.batches, b)
			records = records[n:]
			most = p.exporter.config.Producer.FlushMaxMessages
		case n > 1:
			// Compression did not help enough.
			p.exporter.discard(p.req)
			most = n / 2
		default:
			p.exporter.discard(p.req)
			// Smaller in proportion, and a little more, since small data compresses less.
			size := recordbatch.HeaderSize + recordbatch.RecordSize(records[0], 0)
			pieces, err := p.cut(records[0], size*p.sent/len(b.Bytes)*9/10, true)
			if err != nil {
				return err
			}
			records = append(pieces, records[1:]...)
		}
	}
	return nil
}

// batch encodes records, which are not empty, as one batch.
func (p *packer) batch(index int32, records []recordbatch.Record) (*producer.Batch, error) {
	e := p.exporter
	buffer, scratch := e.buffers.Get(), e.scratch.Get()
	defer e.scratch.Put(scratch)
	encoded, used, plain, err := recordbatch.Append(*buffer, *scratch, e.codec, p.now, records)
	*scratch = used
	if err != nil {
		return nil, err
	}
	*buffer = encoded
	p.req.buffers = append(p.req.buffers, buffer)
	b := p.blank()
	*b = producer.Batch{Topic: p.topic, Partition: index, Bytes: encoded, Records: len(records), Plain: plain}
	if p.topic == e.config.DeadLetterTopic {
		b.LettersFrom = lettersFrom(records)
	}
	return b, nil
}

// cut cuts a record into records that fit into a batch of that size each. What does not go any smaller is not among them,
// unless the size is a guess and it became smaller at least.
func (p *packer) cut(r recordbatch.Record, size int, guess bool) ([]recordbatch.Record, error) {
	e := p.exporter
	around := recordbatch.HeaderSize + recordbatch.RecordSize(recordbatch.Record{Key: r.Key, Headers: r.Headers}, 0)
	const lengths = 10 // of the record and of its value, which take more bytes the larger they are
	room := size - around - lengths
	if e.cut == nil || p.topic == e.config.DeadLetterTopic || room <= 0 {
		p.tooLarge(r)
		return nil, nil
	}
	fit, tooLarge, err := e.cut(r.Value, room)
	if err != nil {
		// Stored by an exporter with other settings, for example.
		p.tooLarge(r)
		return nil, nil //nolint:nilerr // what cannot be read cannot be cut: it is told and counted as too large
	}
	for _, piece := range tooLarge {
		if guess && len(piece.Value) < len(r.Value) {
			fit = append(fit, piece)
			continue
		}
		p.tooLarge(recordbatch.Record{Key: r.Key, Value: piece.Value, Headers: r.Headers})
	}
	pieces := make([]recordbatch.Record, 0, len(fit))
	for _, piece := range fit {
		if len(piece.Value) >= len(r.Value) {
			return nil, fmt.Errorf("cut record for topic %q: %d bytes stay %d", p.topic, len(r.Value), len(piece.Value))
		}
		pieces = append(pieces, recordbatch.Record{Key: r.Key, Value: piece.Value, Headers: r.Headers})
	}
	if len(pieces) > 0 {
		e.telemetry.split(p.topic)
	}
	return pieces, nil
}

// tooLarge sends a record that cannot be cut to the dead-letter topic, or drops it.
func (p *packer) tooLarge(r recordbatch.Record) {
	e, limit := p.exporter, p.plain
	if p.sent > 0 {
		limit = min(limit, p.sent)
	}
	size := recordbatch.HeaderSize + recordbatch.RecordSize(r, 0)
	if e.config.DeadLetterTopic == "" || p.topic == e.config.DeadLetterTopic {
		e.telemetry.refused(p.topic, reasonTooLarge, 1)
		p.req.refused = append(p.req.refused, fmt.Errorf(
			"encode record for topic %q: %d bytes do not fit into %d, the least of `producer::max_message_bytes` and the topic's max.message.bytes, and cannot be cut",
			p.topic, size, limit))
		return
	}
	headers := append([]recordbatch.Header(nil), r.Headers...)
	for _, h := range [][2]string{
		{deadLetterReason, reasonTooLarge},
		{deadLetterTopic, p.topic},
		{deadLetterSize, strconv.Itoa(size)},
		{deadLetterLimit, strconv.Itoa(limit)},
	} {
		headers = append(headers, recordbatch.Header{Name: h[0], Value: []byte(h[1])})
	}
	// The record's memory is going to be used again.
	p.dead = append(p.dead, encode.Record{
		Topic: e.config.DeadLetterTopic, Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value), Headers: headers,
	})
}

// lettersFrom returns the topics that dead letters were for. They are counted when they arrive: until then their request may
// be given up.
func lettersFrom(records []recordbatch.Record) (topics []string) {
	for i := range records {
		for _, h := range records[i].Headers {
			if h.Name == deadLetterTopic {
				topics = append(topics, string(h.Value))
			}
		}
	}
	return topics
}
