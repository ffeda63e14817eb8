// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestLimitsAreAskedForOnceInAWhile(t *testing.T) {
	now, asked, answer, fault := time.Unix(0, 0), 0, 100, error(nil)
	l := newLimits(func(context.Context, string) (int, error) { asked++; return answer, fault }, time.Minute, func() time.Time { return now })
	of := func(topic string) int { return l.of(t.Context(), topic) }
	assert.Equal(t, 100, of("a"))
	answer = 50
	assert.Equal(t, 100, of("a"))
	assert.Equal(t, 50, of("b"))
	assert.Equal(t, 2, asked)
	now = now.Add(time.Minute)
	assert.Equal(t, 50, of("a"))
	fault = errors.New("not allowed")
	now = now.Add(time.Minute)
	assert.Equal(t, 50, of("a"), "what was true once")
	assert.Equal(t, 0, of("c"), "never heard of")
	assert.Equal(t, 0, of("c"))
	assert.Equal(t, 5, asked)
	fault, answer = nil, 30
	assert.Equal(t, 30, l.again(t.Context(), "a"))
	assert.Equal(t, 30, of("a"))
	assert.Equal(t, 6, asked)
}

// TestASlowAnswerHoldsUpItsTopicOnly, and nobody for longer than they have time.
func TestASlowAnswerHoldsUpItsTopicOnly(t *testing.T) {
	asking, release := make(chan struct{}), make(chan struct{})
	asked := 0
	l := newLimits(func(_ context.Context, topic string) (int, error) {
		if topic == "quick" {
			return 10, nil
		}
		asked++
		close(asking)
		<-release
		return 100, nil
	}, time.Minute, time.Now)
	first := make(chan int)
	go func() { first <- l.of(t.Context(), "slow") }()
	<-asking
	assert.Equal(t, 10, l.of(t.Context(), "quick"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.Equal(t, 0, l.of(ctx, "slow"), "it is not known yet")
	close(release)
	assert.Equal(t, 100, l.of(t.Context(), "slow"))
	assert.Equal(t, 100, <-first)
	assert.Equal(t, 1, asked)
}

// TestWhoRunsOutOfTimeDoesNotDecideForOthers: that a topic's limit is not known holds for a while only if a broker was asked in vain.
func TestWhoRunsOutOfTimeDoesNotDecideForOthers(t *testing.T) {
	l := newLimits(func(ctx context.Context, _ string) (int, error) { return 100, ctx.Err() }, time.Minute, time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.Equal(t, 0, l.of(ctx, "t"))
	assert.Equal(t, 100, l.of(t.Context(), "t"))
}
