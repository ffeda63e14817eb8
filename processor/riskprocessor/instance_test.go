// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTheLastTracesAreRemembered: in a flood of risky traces, all within the minute for which each would be remembered, it
// is the first ones that are forgotten, and they are counted.
func TestTheLastTracesAreRemembered(t *testing.T) {
	const size, flood = 1024, 8 * 1024
	r := rand.New(rand.NewPCG(1, 2))
	lately := newTraces(size, r.Uint64)
	forgot := 0
	now := time.Hour
	for n := range uint64(flood) {
		now += time.Millisecond
		if lately.add(lowID(n), now) {
			forgot++
		}
		require.True(t, lately.has(lowID(n), now), "trace %d", n)
	}
	found := func(from, to uint64) (n int) {
		for i := from; i < to; i++ {
			if lately.has(lowID(i), now) {
				n++
			}
		}
		return n
	}
	assert.Greater(t, found(flood-size/2, flood), size/2*9/10, "of the last half of what fits")
	assert.Zero(t, found(0, flood/2))
	assert.Equal(t, flood, forgot+found(0, flood), "each is remembered, or counted")
}

// TestRiskyTracesOfAFloodAreKept: what comes later of a risky trace is kept, also when more of them come than can be
// remembered.
func TestRiskyTracesOfAFloodAreKept(t *testing.T) {
	cfg := riskyConfig(t)
	cfg.Sampling.Percentage, cfg.Sampling.RememberTraces = 1e-4, 1024
	g := newRig(t, cfg)
	const flood = 8 * 1024
	for n := range uint64(flood) {
		require.NoError(t, g.ConsumeTraces(t.Context(), oneSpan(t, lowID(n), true, attrs{"risky": true})))
		require.NoError(t, g.ConsumeTraces(t.Context(), oneSpan(t, lowID(n), false, nil)))
	}
	assert.Equal(t, map[string]int64{"score": flood, "trace": flood}, g.sums(t, "processor_risk_spans_kept"))
	assert.Greater(t, g.sums(t, "processor_risk_traces_forgotten")["risky"], int64(flood-2*1024))
}

// TestTraceNotedLaterIsKnown: a batch looks with the time at which it came, and another one may have noted the trace since.
func TestTraceNotedLaterIsKnown(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	lately := newTraces(1024, r.Uint64)
	lately.add(lowID(1), time.Hour+time.Second)
	assert.True(t, lately.has(lowID(1), time.Hour))
	assert.True(t, lately.has(lowID(1), time.Hour+time.Minute))
	assert.False(t, lately.has(lowID(1), time.Hour+time.Second+time.Minute))
	lately.add(lowID(2), time.Hour)
	assert.True(t, lately.has(lowID(1), time.Hour+time.Minute), "what is noted with an older time shortens nothing")
}
