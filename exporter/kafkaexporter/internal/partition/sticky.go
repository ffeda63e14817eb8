// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package partition

import "sync/atomic"

// Sticky chooses partitions for records without a key. All such records of one request share a partition, since one
// large batch costs less than many small ones; the next request gets the next partition.
// The zero value is ready to use; it is safe for concurrent use.
type Sticky struct {
	next atomic.Uint32
}

// Next returns a partition from 0 to len(leaders)-1 that has a leader (a value that is not negative), in turn. If none
// has, any partition is as good. It returns -1 only when leaders is empty.
func (s *Sticky) Next(leaders []int32) int32 {
	count := uint32(len(leaders))
	if count == 0 {
		return -1
	}
	start := s.next.Add(1) - 1
	for i := range count {
		if p := (start + i) % count; leaders[p] >= 0 {
			return int32(p)
		}
	}
	return int32(start % count)
}
