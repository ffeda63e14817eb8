// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package producer

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/recordbatch"
)

// place is where a batch says that it belongs, as it lies in a request: what is stamped later does not change it.
type place struct {
	batch       *Batch
	id          int64
	epoch       int16
	first, last int32
	offset      int // in the log
}

func (p place) same(q place) bool {
	return p.id == q.id && p.epoch == q.epoch && p.first == q.first && p.last == q.last
}

// memory is what a leader remembers of a producer id: its last batches, five at most.
type memory struct {
	epoch int16
	known []place
	last  int32
}

// ledger is a partition as Kafka's brokers keep it: what is committed survives the leader, what is not may be cut off.
type ledger struct {
	leader    int32
	log       []place
	committed int
	memories  map[int64]*memory
	forgotten int // batches of the log that nobody remembers any more
	// strict is true for brokers before 2.5, which ask a producer that they do not know to begin with sequence 0.
	strict bool
}

// The codes that the model answers.
const (
	codeOK, codeUnknownError, codeNoSuchTopic, codeNoLeader, codeNotLeader, codeTimedOut = 0, -1, 3, 5, 6, 7
	codeTooLarge, codeTooFew, codeTooFewAfter, codeOutOfOrder, codeStaleEpoch            = 10, 19, 20, 45, 47
	codeUnknownProducer, codeInvalidRecord                                               = 59, 87
)

// append does what UnifiedLog and ProducerAppendInfo do, and returns the code and how much is committed if that is answered.
func (l *ledger) append(p place) (code int16, end int) {
	m := l.memories[p.id]
	switch {
	case m == nil:
		if l.strict && p.first != 0 {
			return codeUnknownProducer, 0
		}
		m = &memory{epoch: p.epoch}
		l.memories[p.id] = m
	case p.epoch < m.epoch:
		return codeStaleEpoch, 0
	case p.epoch > m.epoch:
		if p.first != 0 {
			return codeOutOfOrder, 0
		}
	default:
		if i := slices.IndexFunc(m.known, p.same); i >= 0 {
			return codeOK, m.known[i].offset + 1
		}
		if p.first != recordbatch.NextSequence(m.last, 1) {
			return codeOutOfOrder, 0
		}
	}
	p.offset = len(l.log)
	l.log = append(l.log, p)
	m.learn(p, 5)
	return codeOK, len(l.log)
}

func (m *memory) learn(p place, most int) {
	if p.epoch != m.epoch {
		m.epoch, m.known = p.epoch, nil
	}
	m.known, m.last = append(m.known, p), p.last
	m.known = m.known[max(0, len(m.known)-most):]
}

// move gives the partition another leader, which may lack what is not committed, and knows so many batches of each producer.
func (l *ledger) move(random *rand.Rand, leader int32, remembered int) {
	l.leader = leader
	if random.IntN(2) == 0 {
		l.log = l.log[:l.committed+random.IntN(len(l.log)-l.committed+1)]
	}
	l.memories = make(map[int64]*memory)
	for _, p := range l.log[min(l.forgotten, len(l.log)):] {
		m := l.memories[p.id]
		if m == nil {
			m = &memory{epoch: p.epoch}
			l.memories[p.id] = m
		}
		m.learn(p, remembered)
	}
}

// holds tells whether any of the log's batches is b.
func (l *ledger) holds(b *Batch) bool {
	return slices.ContainsFunc(l.log, func(p place) bool { return p.batch == b })
}

// sequenceAfter is the last sequence of a batch.
func sequenceAfter(first int32, records int) int32 {
	return int32((int64(first) + int64(records) - 1) & math.MaxInt32)
}
