// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
)

func small(size int) *request {
	return newRequest([]encode.Record{{Value: make([]byte, size)}}, 1)
}

func isFull(l *lot) bool {
	select {
	case <-l.full:
		return true
	default:
		return false
	}
}

func TestALotIsFullWhenItHoldsHalfABatch(t *testing.T) {
	s := newLots(time.Hour, 1000, 0)
	one, first := s.join(small(100))
	assert.True(t, first)
	two, first := s.join(small(399))
	assert.False(t, first)
	assert.Same(t, one, two)
	assert.False(t, isFull(one))
	s.join(small(1))
	assert.True(t, isFull(one))
	assert.Len(t, one.request.records, 3)
	assert.Equal(t, 500, one.request.BytesSize())
	_, first = s.join(small(1))
	assert.True(t, first, "a full lot takes nobody")
}

func TestALotDoesNotWaitWhenNobodyCanCome(t *testing.T) {
	s := newLots(time.Hour, 1<<20, 2)
	s.enter()
	l, _ := s.join(small(1))
	assert.False(t, isFull(l), "the other consumer may bring something")
	s.enter()
	s.pass()
	assert.True(t, isFull(l), "the other consumer has a request of its own")
	s.leave()
	l, first := s.join(small(1))
	assert.True(t, first)
	assert.False(t, isFull(l))
}

func TestAGatheredLotTakesNobody(t *testing.T) {
	s := newLots(time.Hour, 1<<20, 0)
	l, _ := s.join(small(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.gathered(ctx, l)
	_, first := s.join(small(1))
	assert.True(t, first)
}

// TestALotIsForTheSameTopics: what one of them refuses is nothing to those who wrote to another.
func TestALotIsForTheSameTopics(t *testing.T) {
	to := func(topics ...string) *request {
		var records []encode.Record
		for _, topic := range topics {
			records = append(records, encode.Record{Topic: topic, Value: []byte("value")})
		}
		return newRequest(records, len(records))
	}
	s := newLots(time.Hour, 1<<20, 1)
	one, _ := s.join(to("a"))
	other, first := s.join(to("b"))
	assert.True(t, first)
	assert.NotSame(t, one, other)
	both, first := s.join(to("a", "a", "b"))
	assert.True(t, first)
	for want, more := range map[*lot]*request{one: to("a", "a"), other: to("b"), both: to("a", "b", "b")} {
		got, first := s.join(more)
		assert.False(t, first)
		assert.Same(t, want, got)
	}
	s.enter()
	s.pass()
	for _, l := range []*lot{one, other, both} {
		assert.True(t, isFull(l), "nobody is left who could join")
	}
}
