// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"context"

	"go.opentelemetry.io/collector/consumer/consumererror"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/producer"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/recordbatch"
)

// plan chooses a partition for each of the request's records and encodes the batches, for all topics whose partitions are
// known; if there is none, it waits for the first. Before it encodes anything it waits for room in the budget. It happens
// once in a record's life: a batch that was sent cannot move to another partition. Afterwards req.ticket stands for the
// batches, and req.records holds what is left.
func (e *kafkaExporter) plan(ctx context.Context, req *request) error {
	ready, left := e.ready(req.records)
	if len(ready) == 0 {
		return e.await(ctx, req, left[0].Topic)
	}
	estimate := 0
	for _, t := range ready {
		estimate += t.bytes()
	}
	taken, err := e.budget.acquire(ctx, estimate)
	if err != nil {
		return err
	}
	var batches []*producer.Batch
	for _, t := range ready {
		planned, dead, err := e.planTopic(ctx, req, t.records, t.leaders)
		if err != nil {
			e.recycle(req)
			e.budget.adjust(-taken)
			return consumererror.NewPermanent(err)
		}
		batches, left = append(batches, planned...), append(left, dead...)
	}
	req.records = left
	req.owner = &owner{share: newShare(e.budget, taken, batches), exporter: e}
	req.ticket = producer.NewTicket(batches, req.owner)
	return nil
}

// topicRecords are a request's records for a topic whose partitions are known.
type topicRecords struct {
	records []encode.Record
	leaders []int32
}

// ready tells the records whose batches can be made from the others.
func (e *kafkaExporter) ready(all []encode.Record) (ready []topicRecords, left []encode.Record) {
	for _, records := range byTopic(all) {
		if leaders := e.producer.Known(records[0].Topic); len(leaders) > 0 {
			ready = append(ready, topicRecords{records, leaders})
		} else {
			left = append(left, records...)
		}
	}
	return ready, left
}

// bytes returns what the batches take at most before they are compressed, if nothing has to be cut.
func (t *topicRecords) bytes() int {
	size := recordbatch.HeaderSize * min(len(t.records), len(t.leaders))
	for i := range t.records {
		r := &t.records[i]
		size += recordbatch.RecordSize(recordbatch.Record{Key: r.Key, Value: r.Value, Headers: r.Headers}, i)
	}
	return size
}

// await waits until a topic is known. If it never will be, its records are refused.
func (e *kafkaExporter) await(ctx context.Context, req *request, topic string) error {
	_, err := e.producer.Leaders(ctx, topic)
	if err == nil || !hopeless(err) {
		return err
	}
	var others []encode.Record
	for _, r := range req.records {
		if r.Topic != topic {
			others = append(others, r)
		}
	}
	e.telemetry.refused(topic, "topic_refused", len(req.records)-len(others))
	req.refused = append(req.refused, err)
	req.records = others
	return nil
}

// byTopic groups records by topic and keeps their order. Most requests have one topic, and are not copied.
func byTopic(records []encode.Record) [][]encode.Record {
	same := 0
	for same < len(records) && records[same].Topic == records[0].Topic {
		same++
	}
	if same == len(records) {
		return [][]encode.Record{records}
	}
	places := make(map[string]int)
	var groups [][]encode.Record
	for i := range records {
		place, known := places[records[i].Topic]
		if !known {
			place = len(groups)
			places[records[i].Topic] = place
			groups = append(groups, nil)
		}
		groups[place] = append(groups[place], records[i])
	}
	return groups
}

// planTopic makes the batches of one topic, gives up the records' memory as soon as it has been copied, and returns what has
// to go to the dead-letter topic instead.
func (e *kafkaExporter) planTopic(ctx context.Context, req *request, records []encode.Record, leaders []int32) ([]*producer.Batch, []encode.Record, error) {
	topic := records[0].Topic
	p := e.newPacker(req, topic, e.limits.of(ctx, topic))
	if len(records) == 1 {
		if b, err := e.inPlace(p, &records[0], leaders); b != nil || err != nil {
			return []*producer.Batch{b}, nil, err
		}
	}
	sorted, ends := e.spread(records, leaders)
	start := 0
	for index, end := range ends {
		if err := p.pack(int32(index), sorted[start:end:end]); err != nil {
			return nil, nil, err
		}
		start = end
	}
	for i := range records {
		records[i].Release()
	}
	return p.batches, p.dead, nil
}

// inPlace makes a batch of a record that has room around it, without copying the record. It returns nil if it cannot.
func (e *kafkaExporter) inPlace(p *packer, r *encode.Record, leaders []int32) (*producer.Batch, error) {
	plain := recordbatch.Record{Key: r.Key, Value: r.Value, Headers: r.Headers}
	if r.Room == nil || recordbatch.HeaderSize+recordbatch.RecordSize(plain, 0) > p.plain {
		return nil, nil
	}
	buffer := e.buffers.Get()
	encoded, size, ok, err := recordbatch.InPlace(*buffer, r.Room, r.Offset, e.codec, p.now, plain)
	if !ok || err != nil || p.sent > 0 && len(encoded) > p.sent {
		e.buffers.Put(buffer)
		return nil, err
	}
	var chosen [1]int32
	e.partitioner.choose(chosen[:], []encode.Record{*r}, leaders)
	if e.codec.Codec() == recordbatch.None {
		e.buffers.Put(buffer)
		p.req.held = append(p.req.held, *r)
	} else {
		*buffer = encoded
		p.req.buffers = append(p.req.buffers, buffer)
		r.Release()
	}
	return &producer.Batch{Topic: r.Topic, Partition: chosen[0], Bytes: encoded, Records: 1, Plain: size}, nil
}

// spread sorts records by partition (counting sort). ends[i] is where partition i's records end.
func (e *kafkaExporter) spread(records []encode.Record, leaders []int32) (sorted []recordbatch.Record, ends []int) {
	chosen := make([]int32, len(records))
	e.partitioner.choose(chosen, records, leaders)
	ends = make([]int, len(leaders))
	for _, p := range chosen {
		ends[p]++
	}
	sum := 0
	for i, n := range ends {
		ends[i] = sum
		sum += n
	}
	sorted = make([]recordbatch.Record, len(records))
	for i := range records {
		at := &ends[chosen[i]]
		sorted[*at] = recordbatch.Record{Key: records[i].Key, Value: records[i].Value, Headers: records[i].Headers}
		*at++
	}
	return sorted, ends
}

func (e *kafkaExporter) batch(req *request, topic string, index int32, now int64, records []recordbatch.Record) (*producer.Batch, error) {
	buffer, scratch := e.buffers.Get(), e.scratch.Get()
	defer e.scratch.Put(scratch)
	encoded, used, plain, err := recordbatch.Append(*buffer, *scratch, e.codec, now, records)
	*scratch = used
	if err != nil {
		return nil, err
	}
	*buffer = encoded
	req.buffers = append(req.buffers, buffer)
	return &producer.Batch{Topic: topic, Partition: index, Bytes: encoded, Records: len(records), Plain: plain}, nil
}

// discard takes back the last batch that was encoded.
func (e *kafkaExporter) discard(req *request) {
	last := len(req.buffers) - 1
	e.buffers.Put(req.buffers[last])
	req.buffers = req.buffers[:last]
}

// recycle returns the batches' memory. Nobody reads it any more once the ticket is resolved.
func (e *kafkaExporter) recycle(req *request) {
	for _, buffer := range req.buffers {
		e.buffers.Put(buffer)
	}
	for i := range req.held {
		req.held[i].Release()
	}
	req.buffers, req.held = nil, nil
}
