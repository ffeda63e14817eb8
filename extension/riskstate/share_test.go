// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"

	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/metadata"
)

// started returns a running extension that ends with the test.
func started(t *testing.T, cfg *Config) *riskState {
	t.Helper()
	s, err := newState(extensiontest.NewNopSettings(metadata.Type), cfg)
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { assert.NoError(t, s.Shutdown(context.WithoutCancel(t.Context()))) })
	return s
}

func TestShareGivesEverybodyTheFirstValue(t *testing.T) {
	s := started(t, createDefaultConfig().(*Config))
	var made atomic.Int64
	values := make([]any, 16)
	var group sync.WaitGroup
	for i := range values {
		group.Go(func() {
			value, err := s.Share("risk", func() (any, error) { made.Add(1); return new(int), nil })
			assert.NoError(t, err)
			values[i] = value
		})
	}
	group.Wait()
	assert.EqualValues(t, 1, made.Load())
	for _, value := range values {
		assert.Same(t, values[0], value)
	}
	other, err := s.Share("risk/2", func() (any, error) { return new(int), nil })
	require.NoError(t, err)
	assert.NotSame(t, values[0], other)
}

func TestShareForgetsWhatCouldNotBeMade(t *testing.T) {
	s := started(t, createDefaultConfig().(*Config))
	fault := errors.New("no memory")
	_, err := s.Share("risk", func() (any, error) { return nil, fault })
	require.ErrorIs(t, err, fault)
	value, err := s.Share("risk", func() (any, error) { return 1, nil })
	require.NoError(t, err)
	assert.Equal(t, 1, value)
}

func TestShareNeedsARunningExtension(t *testing.T) {
	s, err := newState(extensiontest.NewNopSettings(metadata.Type), createDefaultConfig().(*Config))
	require.NoError(t, err)
	_, err = s.Share("risk", func() (any, error) { return 1, nil })
	require.ErrorContains(t, err, "not running")
	require.NoError(t, s.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, s.Shutdown(t.Context()))
	_, err = s.Share("risk", func() (any, error) { return 1, nil })
	require.ErrorContains(t, err, "not running")
}

func TestScorersAreFoundByName(t *testing.T) {
	var s scorers
	ask := func(name string) (string, error) {
		var answer ScoreAnswer
		err := s.score(t.Context(), name, &ScoreRequest{}, &answer)
		return answer.Level, err
	}
	says := func(level string) scoreFunc {
		return func(_ context.Context, _ *ScoreRequest, answer *ScoreAnswer) error { answer.Level = level; return nil }
	}
	_, err := ask("")
	require.ErrorIs(t, err, errNoScorer)

	gone, err := s.add("risk", says("low"))
	require.NoError(t, err)
	level, err := ask("")
	require.NoError(t, err)
	assert.Equal(t, "low", level)
	_, err = ask("risk/2")
	require.ErrorIs(t, err, errUnknownScorer)

	_, err = s.add("risk", says("low"))
	require.ErrorContains(t, err, `"risk"`)
	_, err = s.add("risk/2", says("high"))
	require.NoError(t, err)
	_, err = ask("")
	require.ErrorIs(t, err, errManyScorers)
	level, err = ask("risk/2")
	require.NoError(t, err)
	assert.Equal(t, "high", level)

	gone()
	gone()
	level, err = ask("")
	require.NoError(t, err)
	assert.Equal(t, "high", level)
}
