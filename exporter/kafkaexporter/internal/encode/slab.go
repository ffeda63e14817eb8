// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package encode

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Memory recycles the memory that records of otlp_proto lie in. The zero value is ready to use; it is safe for
// concurrent use. A record that is never released keeps its memory from being used again, no more than that.
type Memory struct{ pool, desks sync.Pool }

// slab holds the values of one request's records.
type slab struct {
	bytes   []byte
	home    *Memory
	records atomic.Int32 // that were not released
}

// maxKept keeps a few giant requests from pinning their memory for ever.
const maxKept = 16 << 20

// get returns an empty slab, whose first room bytes are left free.
func (m *Memory) get(room int) *slab {
	s, ok := m.pool.Get().(*slab)
	if !ok {
		s = &slab{home: m}
	}
	s.bytes = slices.Grow(s.bytes[:0], room)[:room]
	return s
}

// Release gives up the record's value, which must not be used afterwards. Releasing a record twice does nothing.
func (r *Record) Release() {
	s := r.slab
	if s == nil {
		return
	}
	r.slab, r.Value, r.Room = nil, nil, nil
	if s.records.Add(-1) == 0 && cap(s.bytes) <= maxKept {
		s.home.pool.Put(s)
	}
}

// span is what lies between two places of some bytes.
type span struct{ from, to int }
