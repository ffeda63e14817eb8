// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"errors"
	"fmt"
	"sync"
)

// shares holds the shared values by name. Its methods may be called from many goroutines at once.
type shares struct {
	mu     sync.Mutex // guards the following, and is held while a value is made
	adopt  func(name string, value any)
	values map[string]any
}

// open lets values be shared. adopt is called for each new one before anybody has it.
func (s *shares) open(adopt func(name string, value any)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.adopt, s.values = adopt, map[string]any{}
}

func (s *shares) get(name string, make func() (any, error)) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil {
		return nil, errors.New("share state: the riskstate extension is not running")
	}
	if value, ok := s.values[name]; ok {
		return value, nil
	}
	value, err := make()
	if err != nil {
		return nil, fmt.Errorf("make state %q: %w", name, err)
	}
	s.adopt(name, value)
	s.values[name] = value
	return value, nil
}

func (s *shares) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values = nil
}
