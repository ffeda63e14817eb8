// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"

	"go.uber.org/zap"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/producer"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/recordbatch"
)

// owner is who made the batches of a ticket: it has their share of the budget, cuts those that their topic turns out not to take,
// and plans those anew whose partition is gone.
type owner struct {
	share
	exporter *kafkaExporter

	mu       sync.Mutex // guards the following
	dead     []encode.Record
	returned []*producer.Batch
	refused  []error
}

var _ producer.Owner = (*owner)(nil)

// Cut asks again how large a batch the topic takes, and makes such batches of the records of one that was too large. Where
// nobody knows, or what the broker says does not explain its refusal, it makes two of one.
func (o *owner) Cut(ctx context.Context, b *producer.Batch) ([]*producer.Batch, error) {
	e := o.exporter
	records, err := recordbatch.Records(b.Bytes)
	if err != nil {
		return nil, fmt.Errorf("cut batch for topic %q: %w", b.Topic, err)
	}
	limit := e.limits.again(ctx, b.Topic)
	e.settings.Logger.Info("The topic does not take a batch of this size; it is cut.",
		zap.String("topic", b.Topic), zap.Int("bytes", len(b.Bytes)), zap.Int("max.message.bytes", limit))
	var req request
	p := e.newPacker(&req, b.Topic, limit)
	if limit > 0 && limit < len(b.Bytes) {
		err = p.fill(b.Partition, records)
	} else {
		err = p.halve(b, records)
	}
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dead, o.refused = append(o.dead, p.dead...), append(o.refused, req.refused...)
	return p.batches, nil
}

// Keep counts a batch that the producer has.
func (o *owner) Keep(b *producer.Batch) {
	o.exporter.partitioner.underWay(b, b.Records)
	o.keep()
}

// Drop is the opposite of Keep.
func (o *owner) Drop(b *producer.Batch) {
	o.exporter.partitioner.underWay(b, -b.Records)
	o.exit()
}

// exit is the opposite of enter. If nobody has the batches any more, the request may have been given up; so dead letters that wait
// for it do so no longer.
func (o *owner) exit() {
	if !o.drop() {
		return
	}
	o.mu.Lock()
	dead := o.dead
	o.dead = nil
	o.mu.Unlock()
	if len(dead) > 0 {
		o.exporter.forward(dead)
	}
}

// Return keeps a batch until its ticket is resolved. If its request is given up before that, so is the batch, as one that the
// request has withdrawn.
func (o *owner) Return(b *producer.Batch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.returned = append(o.returned, b)
}

// leave hands what is left to the request: dead letters, what became of records that could not be cut, and records whose partition
// is gone. It needs the batches' memory.
func (o *owner) leave(req *request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	req.refused = append(req.refused, o.refused...)
	req.records = append(req.records, o.dead...)
	for _, b := range o.returned {
		records, err := recordbatch.Records(b.Bytes)
		if err != nil {
			o.exporter.telemetry.refused(b.Topic, "not_encodable", b.Records)
			req.refused = append(req.refused, fmt.Errorf("plan batch for topic %q anew: %w", b.Topic, err))
			continue
		}
		for _, r := range records {
			req.records = append(req.records, encode.Record{Topic: b.Topic, Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value), Headers: cloned(r.Headers)})
		}
	}
	o.dead, o.returned, o.refused = nil, nil, nil
}

// cloned copies headers with their values.
func cloned(headers []recordbatch.Header) []recordbatch.Header {
	headers = slices.Clone(headers)
	for i := range headers {
		headers[i].Value = bytes.Clone(headers[i].Value)
	}
	return headers
}

// halve makes two batches of the records of one that is too large, or more of its one record.
func (p *packer) halve(b *producer.Batch, records []recordbatch.Record) error {
	p.sent = len(b.Bytes) - 1 // all that is known of the limit
	if len(records) == 1 {
		size := recordbatch.HeaderSize + recordbatch.RecordSize(records[0], 0)
		pieces, err := p.cut(records[0], size/2, true)
		if err != nil {
			return err
		}
		for _, piece := range pieces {
			if err := p.add(b.Partition, []recordbatch.Record{piece}); err != nil {
				return err
			}
		}
		return nil
	}
	middle := len(records) / 2
	if err := p.add(b.Partition, records[:middle]); err != nil {
		return err
	}
	return p.add(b.Partition, records[middle:])
}

// add makes a batch without a look at its size.
func (p *packer) add(index int32, records []recordbatch.Record) error {
	b, err := p.batch(index, records)
	if err != nil {
		return err
	}
	p.batches = append(p.batches, b)
	return nil
}
