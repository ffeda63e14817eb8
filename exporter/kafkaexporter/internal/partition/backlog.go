// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package partition

import "sync"

// Backlog chooses the partition with the fewest records under way. The zero value is ready to use; it is safe for
// concurrent use.
type Backlog struct {
	mu     sync.Mutex
	topics map[string][]int
}

// Add puts records under way to the partition of topic that has a leader (a value that is not negative) and the fewest
// records under way, the first of several, and returns it. If none has a leader, all are as good. leaders must not be
// empty.
func (b *Backlog) Add(topic string, records int, leaders []int32) int32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.topics == nil {
		b.topics = make(map[string][]int)
	}
	counts := b.topics[topic]
	for len(counts) < len(leaders) {
		counts = append(counts, 0)
	}
	b.topics[topic] = counts
	best := -1
	for p := range leaders {
		if leaders[p] < 0 {
			continue
		}
		if best < 0 || counts[p] < counts[best] {
			best = p
		}
	}
	best = max(best, 0)
	counts[best] += records
	return int32(best)
}

// Remove takes back records that Add has put under way.
func (b *Backlog) Remove(topic string, partition int32, records int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if counts := b.topics[topic]; int(partition) < len(counts) {
		counts[partition] -= records
	}
}
