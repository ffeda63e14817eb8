// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/partition"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/producer"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/recordbatch"
)

// plan chooses a partition for each of the request's records and encodes the batches. It happens once in a request's
// life, at the first attempt: a batch that was sent cannot move to another partition.
func (e *kafkaExporter) plan(ctx context.Context, req *request) error {
	leaders, err := e.producer.Leaders(ctx, req.topic)
	if err != nil {
		return err
	}
	sorted, ends := e.spread(req, leaders)
	now := time.Now().UnixMilli()
	var batches []*producer.Batch
	start := 0
	for index, end := range ends {
		for records := sorted[start:end]; len(records) > 0; {
			n := recordbatch.Split(records, e.config.Producer.MaxMessageBytes, e.config.Producer.FlushMaxMessages)
			if n == 0 {
				req.refused = append(req.refused, e.tooLarge(req.topic, records[0]))
				records = records[1:]
				continue
			}
			b, err := e.batch(req, int32(index), now, records[:n])
			if err != nil {
				e.recycle(req)
				return consumererror.NewPermanent(err)
			}
			batches = append(batches, b)
			records = records[n:]
		}
		start = end
	}
	req.ticket = producer.NewTicket(batches)
	// The batches have copies; the queue's memory need not be held any longer.
	req.records = nil
	return nil
}

// spread sorts the request's records by partition (counting sort). ends[i] is where partition i's records end.
func (e *kafkaExporter) spread(req *request, leaders []int32) (sorted []recordbatch.Record, ends []int) {
	count := int32(len(leaders))
	sticky := int32(-1)
	chosen := make([]int32, len(req.records))
	ends = make([]int, count)
	for i := range req.records {
		if key := req.records[i].Key; len(key) > 0 {
			chosen[i] = partition.ForKey(key, count)
		} else {
			if sticky < 0 {
				sticky = e.sticky.Next(leaders)
			}
			chosen[i] = sticky
		}
		ends[chosen[i]]++
	}
	sum := 0
	for i, n := range ends {
		ends[i] = sum
		sum += n
	}
	sorted = make([]recordbatch.Record, len(req.records))
	for i := range req.records {
		at := &ends[chosen[i]]
		sorted[*at] = recordbatch.Record{Key: req.records[i].Key, Value: req.records[i].Value}
		*at++
	}
	return sorted, ends
}

func (e *kafkaExporter) batch(req *request, index int32, now int64, records []recordbatch.Record) (*producer.Batch, error) {
	buffer, scratch := e.buffers.Get(), e.scratch.Get()
	defer e.scratch.Put(scratch)
	encoded, used, plain, err := recordbatch.Append(*buffer, *scratch, e.codec, now, records)
	*scratch = used
	if err != nil {
		return nil, err
	}
	*buffer = encoded
	req.buffers = append(req.buffers, buffer)
	return &producer.Batch{Topic: req.topic, Partition: index, Bytes: encoded, Records: len(records), Plain: plain}, nil
}

// recycle returns the batches' memory. Nobody reads it any more once the ticket is resolved.
func (e *kafkaExporter) recycle(req *request) {
	for _, buffer := range req.buffers {
		e.buffers.Put(buffer)
	}
	req.buffers = nil
}

func (e *kafkaExporter) tooLarge(topic string, r recordbatch.Record) error {
	e.telemetry.refused(topic, "message_too_large", 1)
	return fmt.Errorf("encode record for topic %q: %d bytes do not fit into `producer::max_message_bytes` %d",
		topic, recordbatch.HeaderSize+recordbatch.RecordSize(r, 0), e.config.Producer.MaxMessageBytes)
}
