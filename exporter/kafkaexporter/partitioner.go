// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"sync"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/partition"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/producer"
)

// partitioner chooses partitions. Implementations are safe for concurrent use.
type partitioner interface {
	// choose fills in the partition of each of records, which are of one request and topic, from 0 to len(leaders)-1.
	// leaders holds -1 for partitions without a leader; it is not empty.
	choose(chosen []int32, records []encode.Record, leaders []int32)
	// underWay hears of records that the producer takes over, or, if negative, no longer has.
	underWay(b *producer.Batch, records int)
}

// stickyKey is record_partitioner::sticky_key.
type stickyKey struct {
	hash   func(key []byte, count int32) int32
	sticky partition.Sticky
}

func (s *stickyKey) choose(chosen []int32, records []encode.Record, leaders []int32) {
	count, unkeyed := int32(len(leaders)), int32(-1)
	for i := range records {
		switch {
		case records[i].Key != nil:
			chosen[i] = s.hash(records[i].Key, count)
			continue
		case unkeyed < 0:
			unkeyed = s.sticky.Next(leaders)
		}
		chosen[i] = unkeyed
	}
}

func (s *stickyKey) underWay(*producer.Batch, int) {}

// roundRobin is record_partitioner::round_robin. Each topic has a turn of its own.
type roundRobin struct {
	topics sync.Map // of *partition.Sticky by topic
}

func (r *roundRobin) choose(chosen []int32, records []encode.Record, leaders []int32) {
	known, ok := r.topics.Load(records[0].Topic)
	if !ok {
		known, _ = r.topics.LoadOrStore(records[0].Topic, new(partition.Sticky))
	}
	turn, _ := known.(*partition.Sticky)
	for i := range chosen {
		chosen[i] = turn.Next(leaders)
	}
}

func (r *roundRobin) underWay(*producer.Batch, int) {}

// leastBackup is record_partitioner::least_backup.
type leastBackup struct {
	backlog partition.Backlog
}

func (l *leastBackup) choose(chosen []int32, records []encode.Record, leaders []int32) {
	p := l.backlog.Least(records[0].Topic, leaders)
	for i := range chosen {
		chosen[i] = p
	}
}

func (l *leastBackup) underWay(b *producer.Batch, records int) {
	l.backlog.Add(b.Topic, b.Partition, records)
}

// newPartitioner builds what the settings name, except for an extension, which is known only at start.
func newPartitioner(c RecordPartitionerConfig) partitioner {
	switch {
	case c.RoundRobin != nil:
		return &roundRobin{}
	case c.LeastBackup != nil:
		return &leastBackup{}
	case c.StickyKey != nil && c.StickyKey.Hasher == hasherMurmur2:
		return &stickyKey{hash: partition.Java}
	default:
		return &stickyKey{hash: partition.Sarama}
	}
}
