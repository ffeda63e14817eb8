// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"sync"
	"time"
)

const (
	stripes = 64
	// MinOperations is the least number of operations of a model.
	MinOperations = stripes
	// idleAfter is how long an operation must not have been seen to make room for another.
	idleAfter = 10 * time.Minute
	// candidates is how many operations are looked at to find an idle one.
	candidates = 8
)

// Model is what was learned.
type Model struct {
	stripes [stripes]stripe
	most    int // operations of a stripe
}

// Losses is what did not fit.
type Losses struct {
	// Evicted is the number of operations that were forgotten to make room, after ten minutes without a span.
	Evicted int64
	// Refused is the number of spans that were not scored because no operation could make room.
	Refused int64
}

// stripe is a part of the operations under a lock of its own.
type stripe struct {
	mu         sync.Mutex
	operations map[uint64]*operation
	_          [48]byte // two locks never share a cache line
}

// New returns a model of at most so many operations, MinOperations at the least. Memory is taken as they appear.
func New(operations int) *Model {
	m := &Model{most: max((operations+stripes-1)/stripes, 1)}
	for i := range m.stripes {
		m.stripes[i].operations = map[uint64]*operation{}
	}
	return m
}

// Operations returns how many operations are known.
func (m *Model) Operations() int {
	n := 0
	for i := range m.stripes {
		s := &m.stripes[i]
		s.mu.Lock()
		n += len(s.operations)
		s.mu.Unlock()
	}
	return n
}

func (m *Model) stripe(operation uint64) *stripe { return &m.stripes[mix(operation)%stripes] }

// find returns the operation, or nil if there is no room for it, which it counts. The stripe must be locked.
func (m *Model) find(s *stripe, hash uint64, now time.Duration, losses *Losses) *operation {
	if o := s.operations[hash]; o != nil {
		return o
	}
	if len(s.operations) < m.most {
		o := &operation{}
		s.operations[hash] = o
		return o
	}
	var idle *operation
	var victim uint64
	looked := 0
	for h, o := range s.operations { // starts at a random place
		if now-o.levels.last >= idleAfter && (idle == nil || o.levels.last < idle.levels.last) {
			idle, victim = o, h
		}
		if looked++; looked == candidates {
			break
		}
	}
	if idle == nil {
		losses.Refused++
		return nil
	}
	losses.Evicted++
	delete(s.operations, victim)
	*idle = operation{}
	s.operations[hash] = idle
	return idle
}
