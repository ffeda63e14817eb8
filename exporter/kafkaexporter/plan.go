// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"context"
	"fmt"

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
	var room [1]topicRecords
	ready, left := e.ready(room[:0], req.records)
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
		if left = append(left, dead...); batches == nil {
			batches = planned
			continue
		}
		batches = append(batches, planned...)
	}
	req.records = left
	req.owner = &owner{exporter: e}
	req.owner.begin(e.budget, taken, batches)
	req.ticket = producer.NewTicket(batches, req.owner)
	return nil
}

// topicRecords are a request's records for a topic whose partitions are known.
type topicRecords struct {
	records []encode.Record
	leaders []int32
}

// ready tells the records whose batches can be made, which it appends to ready, from the others.
func (e *kafkaExporter) ready(ready []topicRecords, all []encode.Record) (_ []topicRecords, left []encode.Record) {
	var room [1][]encode.Record
	for _, records := range byTopic(room[:0], all) {
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
	counted := topic
	err := validateTopic(topic)
	if err != nil {
		// A name that is none may be anything: brokers need not see it, nor metrics.
		err, counted = fmt.Errorf("find topic: its name %w", err), e.signal.Topic
	} else if _, err = e.producer.Leaders(ctx, topic); err == nil || !hopeless(err) {
		return err
	}
	var others []encode.Record
	for _, r := range req.records {
		if r.Topic != topic {
			others = append(others, r)
		}
	}
	e.telemetry.refused(counted, "topic_refused", len(req.records)-len(others))
	req.refused = append(req.refused, err)
	req.records = others
	return nil
}

// byTopic groups records by topic and keeps their order. It appends the groups. Most requests have one topic, and are not
// copied.
func byTopic(groups [][]encode.Record, records []encode.Record) [][]encode.Record {
	same := 0
	for same < len(records) && records[same].Topic == records[0].Topic {
		same++
	}
	if same == len(records) {
		return append(groups, records)
	}
	places := make(map[string]int)
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
		if batches, err := e.inPlace(&p, &records[0], leaders); batches != nil || err != nil {
			return batches, nil, err
		}
	}
	s := e.spread(records, leaders)
	defer e.putSpread(s)
	p.expect(s.used())
	start := 0
	for index, end := range s.ends {
		if err := p.fill(int32(index), s.sorted[start:end:end]); err != nil {
			return nil, nil, err
		}
		start = end
	}
	for i := range records {
		records[i].Release()
	}
	return p.batches, p.dead, nil
}

// single is what there is of a request that is one batch.
type single struct {
	batch   producer.Batch
	batches [1]*producer.Batch
	held    [1]encode.Record
	chosen  [1]int32
}

// hold appends to held, or takes the place of nothing.
func hold(held, more []encode.Record) []encode.Record {
	if held == nil {
		return more
	}
	return append(held, more...)
}

func (s *single) of(b producer.Batch) []*producer.Batch {
	s.batch = b
	s.batches[0] = &s.batch
	return s.batches[:]
}

// inPlace makes a batch of a record that has room around it, without copying the record. It returns nil if it cannot.
func (e *kafkaExporter) inPlace(p *packer, r *encode.Record, leaders []int32) ([]*producer.Batch, error) {
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
	one := &single{held: [1]encode.Record{*r}}
	e.partitioner.choose(one.chosen[:], one.held[:], leaders)
	if e.codec.Codec() == recordbatch.None {
		e.buffers.Put(buffer)
		p.req.held = hold(p.req.held, one.held[:])
	} else {
		*buffer = encoded
		p.req.buffers = append(p.req.buffers, buffer)
		r.Release()
	}
	return one.of(producer.Batch{Topic: r.Topic, Partition: one.chosen[0], Bytes: encoded, Records: 1, Plain: size}), nil
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
