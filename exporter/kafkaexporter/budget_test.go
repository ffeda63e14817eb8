// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/producer"
)

// inLine starts somebody who wants bytes, and returns once they stand in the line.
func inLine(ctx context.Context, t *testing.T, b *budget, bytes int) <-chan error {
	t.Helper()
	standing, done := make(chan struct{}), make(chan error, 1)
	b.waited = func() { close(standing) }
	go func() {
		_, err := b.acquire(ctx, bytes)
		done <- err
	}()
	<-standing
	return done
}

func TestTheBudgetIsGivenInTheOrderInWhichItIsAskedFor(t *testing.T) {
	b := &budget{limit: 100}
	_, err := b.acquire(t.Context(), 60)
	require.NoError(t, err)
	large := inLine(t.Context(), t, b, 90)
	small := inLine(t.Context(), t, b, 10)
	b.mu.Lock()
	assert.Equal(t, 2, b.line.Len(), "the small one fits, but is not the first")
	b.mu.Unlock()
	b.adjust(-60)
	require.NoError(t, <-large)
	require.NoError(t, <-small)
	assert.Equal(t, 100, b.used)
}

func TestWhoGivesUpMakesRoomForTheNext(t *testing.T) {
	b := &budget{limit: 100}
	_, err := b.acquire(t.Context(), 60)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	large := inLine(ctx, t, b, 90)
	small := inLine(t.Context(), t, b, 10)
	cancel()
	err = <-large
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "`producer::max_buffered_bytes` (100)")
	require.NoError(t, <-small)
	assert.Equal(t, 70, b.used)
}

func TestWhatIsLargerThanTheBudgetGoesAlone(t *testing.T) {
	b := &budget{limit: 100}
	taken, err := b.acquire(t.Context(), 1000)
	require.NoError(t, err)
	assert.Equal(t, 100, taken)
	next := inLine(t.Context(), t, b, 1)
	b.adjust(-taken)
	require.NoError(t, <-next)
}

func TestWithoutALimitNobodyWaits(t *testing.T) {
	b := &budget{waited: func() { t.Error("waited") }}
	for range 3 {
		_, err := b.acquire(t.Context(), 1<<40)
		require.NoError(t, err)
	}
}

func TestAClosedBudgetTurnsEverybodyAway(t *testing.T) {
	b := &budget{limit: 1}
	_, err := b.acquire(t.Context(), 1)
	require.NoError(t, err)
	waiting := inLine(t.Context(), t, b, 1)
	b.close()
	require.ErrorIs(t, <-waiting, producer.ErrClosed)
	_, err = b.acquire(t.Context(), 0)
	require.ErrorIs(t, err, producer.ErrClosed)
}

func TestAShareIsGivenBackWhenNobodyHasItsBatches(t *testing.T) {
	b := &budget{limit: 100}
	taken, err := b.acquire(t.Context(), 80)
	require.NoError(t, err)
	var s share
	s.begin(b, taken, []*producer.Batch{{Bytes: make([]byte, 40)}, {Bytes: make([]byte, 10)}})
	assert.Equal(t, 50, b.used, "they were compressed")
	require.NoError(t, s.enter(t.Context()))
	s.keep() // a batch is sent
	s.drop() // the attempt runs out of time
	assert.Equal(t, 50, b.used)
	require.NoError(t, s.enter(t.Context()))
	s.drop()
	s.drop() // the batch is resolved after all
	assert.Zero(t, b.used)
	_, err = b.acquire(t.Context(), 100)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.enter(ctx), context.Canceled, "the next attempt needs room again")
	b.adjust(-100)
	require.NoError(t, s.enter(t.Context()))
	assert.Equal(t, 50, b.used)
	s.drop()
	assert.Zero(t, b.used)
}

// TestManySendersStayWithinTheBudget, of whom many give up, and none is forgotten.
func TestManySendersStayWithinTheBudget(t *testing.T) {
	const limit = 1000
	held, most := 0, 0
	b := &budget{limit: limit}
	b.held = func(change int) { // called while the lock is held
		held += change
		most = max(most, held)
	}
	var senders sync.WaitGroup
	for n := range uint64(8) {
		senders.Go(func() {
			random := rand.New(rand.NewPCG(n, 1))
			for range 2000 {
				ctx, cancel := context.WithCancel(t.Context())
				if random.IntN(4) == 0 {
					go cancel()
				}
				if taken, err := b.acquire(ctx, random.IntN(2*limit)); err == nil {
					b.adjust(-taken)
				}
				cancel()
			}
		})
	}
	senders.Wait()
	assert.Zero(t, held)
	assert.Positive(t, most)
	assert.LessOrEqual(t, most, limit)
	assert.Zero(t, b.line.Len())
}
