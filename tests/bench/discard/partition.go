// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package discard

import (
	"fmt"
	"math"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Totals is what a topic has received.
type Totals struct {
	// Batches and Records count what was accepted.
	Batches int64 `json:"batches"`
	Records int64 `json:"records"`
	// Bytes is the size of the accepted batches as they came, that is, compressed.
	Bytes int64 `json:"bytes"`
	// Refused counts batches that were answered with an error.
	Refused int64 `json:"refused"`
	// Fault is why the first of them was refused, "" if none was.
	Fault string `json:"fault,omitempty"`
}

// partition is the state of one partition.
type partition struct {
	nextOffset int64
	totals     Totals
	// producers maps a producer id to what is expected of it next.
	producers map[int64]producer
}

type producer struct {
	epoch    int16
	sequence int32
}

type partitionKey struct {
	topic string
	index int32
}

// partitions is the table of all partitions. Its methods may be called from any goroutine.
type partitions struct {
	mu    sync.Mutex // guards table and everything in it
	table map[partitionKey]*partition
}

func newPartitions() *partitions { return &partitions{table: map[partitionKey]*partition{}} }

// append takes the batches in data, all or up to the first that is wrong, and returns the offset of the first record
// and the code that the protocol has for the error.
func (p *partitions) append(topic string, index int32, data []byte) (offset int64, code int16) {
	// The checksum is computed without the lock, which every connection needs.
	var batches []batch
	for len(data) > 0 {
		b, err := readBatch(data)
		if err != nil {
			return p.refuse(topic, index, err, kerr.CorruptMessage)
		}
		batches = append(batches, b)
		data = data[b.size:]
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	part := p.at(topic, index)
	offset = part.nextOffset
	for _, b := range batches {
		if err := part.admit(b); err != nil {
			return part.refuse(err, kerr.OutOfOrderSequenceNumber)
		}
	}
	return offset, 0
}

// admit counts a batch if its sequence is the one that has to follow. A repeated batch is refused too: nothing here
// ever fails in a way that would make a producer repeat one.
func (part *partition) admit(b batch) error {
	if b.producerID != noProducer {
		known, seen := part.producers[b.producerID]
		want := known.sequence
		if !seen || known.epoch != b.epoch {
			want = 0
		}
		if b.sequence != want {
			return fmt.Errorf("producer %d epoch %d sent sequence %d, want %d", b.producerID, b.epoch, b.sequence, want)
		}
		part.producers[b.producerID] = producer{epoch: b.epoch, sequence: following(b.sequence, b.records)}
	}
	part.nextOffset += int64(b.records)
	part.totals.Batches++
	part.totals.Records += int64(b.records)
	part.totals.Bytes += int64(b.size)
	return nil
}

// following returns the sequence after n records from one on; sequences start again at 0 after the largest int32.
func following(sequence, n int32) int32 {
	return int32((int64(sequence) + int64(n)) & math.MaxInt32)
}

func (p *partitions) refuse(topic string, index int32, err error, kind *kerr.Error) (offset int64, code int16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at(topic, index).refuse(err, kind)
}

func (part *partition) refuse(err error, kind *kerr.Error) (offset int64, code int16) {
	if part.totals.Refused == 0 {
		part.totals.Fault = err.Error()
	}
	part.totals.Refused++
	return -1, kind.Code
}

// at returns a partition and makes it if need be. The caller holds the lock.
func (p *partitions) at(topic string, index int32) *partition {
	key := partitionKey{topic, index}
	part := p.table[key]
	if part == nil {
		part = &partition{producers: map[int64]producer{}}
		p.table[key] = part
	}
	return part
}

// take adds up the partitions of a topic and forgets them.
func (p *partitions) take(topic string) Totals {
	p.mu.Lock()
	defer p.mu.Unlock()
	var sum Totals
	for key, part := range p.table {
		if key.topic != topic {
			continue
		}
		sum.Batches += part.totals.Batches
		sum.Records += part.totals.Records
		sum.Bytes += part.totals.Bytes
		sum.Refused += part.totals.Refused
		if sum.Fault == "" {
			sum.Fault = part.totals.Fault
		}
		delete(p.table, key)
	}
	return sum
}
