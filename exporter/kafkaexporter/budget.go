// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"container/list"
	"context"
	"fmt"
	"sync"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/producer"
)

// budget bounds the bytes of the batches that are there. Who wants more waits in line, so that a large request is not
// passed over for ever by small ones. It is safe for concurrent use.
type budget struct {
	limit int // 0 is none
	// held and waited, if not nil, hear of changes, also while the lock is held.
	held   func(change int)
	waited func()

	mu     sync.Mutex // guards the following
	used   int
	line   list.List // of *turn
	closed bool
}

// turn is somebody's place in the line.
type turn struct {
	bytes int
	ready chan struct{} // closed once the bytes are theirs, or err says why they never will be
	err   error
}

// acquire takes bytes, or waits for them until ctx ends or the budget is closed. What is more than the limit alone waits
// until nothing else is there, and counts as the limit. It returns what was taken.
func (b *budget) acquire(ctx context.Context, bytes int) (int, error) {
	if b.limit > 0 {
		bytes = min(bytes, b.limit)
	}
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return 0, producer.ErrClosed
	}
	if b.line.Len() == 0 && b.fits(bytes) {
		b.add(bytes)
		b.mu.Unlock()
		return bytes, nil
	}
	t := &turn{bytes: bytes, ready: make(chan struct{})}
	place := b.line.PushBack(t)
	b.mu.Unlock()
	if b.waited != nil {
		b.waited()
	}
	select {
	case <-t.ready:
	case <-ctx.Done():
		b.leave(ctx, place, t)
	}
	return t.bytes, t.err
}

// leave gives up a place in the line, unless its turn has just come.
func (b *budget) leave(ctx context.Context, place *list.Element, t *turn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-t.ready:
	default:
		b.line.Remove(place)
		t.err = fmt.Errorf("wait for %d bytes, while batches hold %d of `producer::max_buffered_bytes` (%d): %w",
			t.bytes, b.used, b.limit, ctx.Err())
		t.bytes = 0
		b.serve()
	}
}

// adjust changes what somebody has taken, without waiting.
func (b *budget) adjust(change int) {
	if change == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.add(change)
	b.serve()
}

// close turns everybody away, now and later.
func (b *budget) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for place := b.line.Front(); place != nil; place = b.line.Front() {
		t, _ := b.line.Remove(place).(*turn)
		t.bytes, t.err = 0, producer.ErrClosed
		close(t.ready)
	}
}

// serve gives bytes to those in line, in order. The caller holds the lock, as for the following.
func (b *budget) serve() {
	for place := b.line.Front(); place != nil; place = b.line.Front() {
		t, _ := place.Value.(*turn)
		if !b.fits(t.bytes) {
			return
		}
		b.line.Remove(place)
		b.add(t.bytes)
		close(t.ready)
	}
}

func (b *budget) fits(bytes int) bool { return b.limit <= 0 || b.used+bytes <= b.limit }

func (b *budget) add(change int) {
	b.used += change
	if b.held != nil {
		b.held(change)
	}
}

// share is the part of a budget that the batches of one ticket take, as long as anybody has them: an attempt to deliver
// them, or the producer for each batch that it has. Between attempts it is given back unless a batch was sent: then
// exporterhelper has the request, or nobody any more.
type share struct {
	budget *budget

	mu    sync.Mutex // guards the following
	bytes int
	users int
	// begun is false until the first attempt, which takes over from the plan.
	begun bool
}

// begin makes s the share of batches for which so much was taken before they were encoded.
func (s *share) begin(b *budget, taken int, batches []*producer.Batch) {
	bytes := 0
	for _, batch := range batches {
		bytes += len(batch.Bytes)
	}
	if b.limit > 0 {
		bytes = min(bytes, b.limit)
	}
	b.adjust(bytes - taken)
	s.budget, s.bytes, s.users = b, bytes, 1
}

// enter begins an attempt, for which it may have to wait.
func (s *share) enter(ctx context.Context) error {
	s.mu.Lock()
	taken := s.users > 0
	if taken && s.begun {
		s.users++
	}
	s.begun = true
	bytes := s.bytes
	s.mu.Unlock()
	if taken {
		return nil
	}
	bytes, err := s.budget.acquire(ctx, bytes)
	if err != nil {
		return err
	}
	// The producer has nothing of the ticket, or users would not have been 0. So nobody was here meanwhile.
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes, s.users = bytes, s.users+1
	return nil
}

// keep counts somebody who has a batch.
func (s *share) keep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users++
}

// drop is the opposite of keep and of enter. It tells whether nobody has the batches any more.
func (s *share) drop() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users--
	if s.users > 0 {
		return false
	}
	s.budget.adjust(-s.bytes)
	return true
}
