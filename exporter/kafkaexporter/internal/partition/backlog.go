// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package partition

import "sync"

// Backlog knows how many records are under way to each partition. The zero value is ready to use; it is safe for concurrent use.
type Backlog struct {
	mu     sync.Mutex
	topics map[string]*topicBacklog
}

type topicBacklog struct {
	counts []int
	turn   int // where the next search begins
}

// Least returns the partition of topic that has a leader (a value that is not negative) and the fewest records under way; several
// with the fewest take turns. If none has a leader, all are as good. leaders must not be empty.
func (b *Backlog) Least(topic string, leaders []int32) int32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topic(topic, len(leaders))
	best := -1
	for i := range leaders {
		p := (t.turn + i) % len(leaders)
		if leaders[p] >= 0 && (best < 0 || t.counts[p] < t.counts[best]) {
			best = p
		}
	}
	best = max(best, 0)
	t.turn = best + 1
	return int32(best)
}

// Add counts records that are under way from now on, or, if negative, no longer.
func (b *Backlog) Add(topic string, partition int32, records int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.topic(topic, int(partition)+1).counts[partition] += records
}

// topic returns what is known of a topic with at least so many partitions. The caller holds the lock.
func (b *Backlog) topic(name string, partitions int) *topicBacklog {
	t := b.topics[name]
	if t == nil {
		if b.topics == nil {
			b.topics = make(map[string]*topicBacklog)
		}
		t = new(topicBacklog)
		b.topics[name] = t
	}
	for len(t.counts) < partitions {
		t.counts = append(t.counts, 0)
	}
	return t
}
