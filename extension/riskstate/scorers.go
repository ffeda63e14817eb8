// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// scoreFunc is a processor's engine, offered to the scoring API.
type scoreFunc = func(context.Context, *ScoreRequest, *ScoreAnswer) error

// Reasons why no scorer could be chosen.
var (
	errNoScorer      = errors.New("no processor offers a score")
	errUnknownScorer = errors.New("is not one of the processors that offer a score")
	errManyScorers   = errors.New("must be given, as several processors offer a score")
)

// scorers holds the engines by name. Its methods may be called from many goroutines at once.
type scorers struct {
	mu     sync.RWMutex // held for reading while a score is computed, so that one who unregisters can leave
	byName map[string]scoreFunc
}

func (s *scorers) add(name string, score scoreFunc) (unregister func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.byName[name]; taken {
		return nil, fmt.Errorf("register scorer %q: there is one of that name", name)
	}
	if s.byName == nil {
		s.byName = map[string]scoreFunc{}
	}
	s.byName[name] = score
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.byName, name)
	}), nil
}

// score asks the named scorer; without a name, the only one there is.
func (s *scorers) score(ctx context.Context, name string, request *ScoreRequest, answer *ScoreAnswer) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	score, known := s.byName[name]
	switch {
	case known:
	case len(s.byName) == 0:
		return errNoScorer
	case name != "":
		return fmt.Errorf("%q %w %q", name, errUnknownScorer, slices.Sorted(maps.Keys(s.byName)))
	case len(s.byName) > 1:
		return fmt.Errorf("%w: %q", errManyScorers, slices.Sorted(maps.Keys(s.byName)))
	default:
		for _, score = range s.byName { // the only one
		}
	}
	return score(ctx, request, answer)
}
