// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/question"
)

// The contract's types are those that questions are read into.
var (
	_ func(*ScoreRequest) = func(*question.Request) {}
	_ func(*ScoreAnswer)  = func(*question.Answer) {}
)

// outcome is what became of a question.
type outcome uint8

const (
	answered outcome = iota
	invalid
	tooLarge
	unavailable
	failed
	outcomes
)

func (o outcome) String() string {
	return [outcomes]string{"ok", "invalid", "too_large", "unavailable", "failed"}[o]
}

// errFailed is all that a client is told of a processor's own error; the log has the rest.
var errFailed = errors.New("the processor could not answer")

// asker puts questions to scorers, whichever way they come. It may be used by many goroutines at once.
type asker struct {
	scorers   *scorers
	logger    *zap.Logger
	degraded  func() bool
	telemetry *transportTelemetry
	logged    sync.Once
}

// ask fills in the answer. The error is for the client.
func (a *asker) ask(ctx context.Context, scorer string, request *ScoreRequest, answer *ScoreAnswer) (outcome, error) {
	*answer = ScoreAnswer{Reasons: answer.Reasons[:0]}
	err := a.scorers.score(ctx, scorer, request, answer)
	if err == nil && (math.IsNaN(answer.Score) || math.IsInf(answer.Score, 0)) {
		err = fmt.Errorf("score is %v", answer.Score)
	}
	switch {
	case err == nil:
		answer.Degraded = answer.Degraded || a.degraded()
		return answered, nil
	case errors.Is(err, errNoScorer):
		return unavailable, err
	case errors.Is(err, errUnknownScorer), errors.Is(err, errManyScorers):
		return invalid, &question.Error{Field: "scorer", Fault: err.Error()}
	}
	a.logged.Do(func() {
		a.logger.Error("cannot answer a question for a score; further ones are only counted", zap.Error(err))
	})
	return failed, errFailed
}

// done counts a question that came at start.
func (a *asker) done(ctx context.Context, start time.Time, o outcome) {
	a.telemetry.done(ctx, time.Since(start), o)
}
