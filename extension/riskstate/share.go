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
	names  []string        // in the order in which they were made
	old    map[string]bool // values that are keyed with a seed that is no longer used
}

// open lets values be shared. adopt is called for each new one before anybody has it.
func (s *shares) open(adopt func(name string, value any)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.adopt, s.values, s.old = adopt, map[string]any{}, map[string]bool{}
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
	s.names = append(s.names, name)
	return value, nil
}

// each calls visit for every value, in the order in which they were made. Values may be shared meanwhile.
func (s *shares) each(visit func(name string, value any)) {
	s.mu.Lock()
	names := s.names
	values := make([]any, 0, len(names))
	for _, name := range names {
		values = append(values, s.values[name])
	}
	s.mu.Unlock()
	for i, value := range values {
		visit(names[i], value)
	}
}

// update changes what values are made by, and then every value, while none is made. Values for which visit returns false
// are outdated from then on.
func (s *shares) update(change func(), visit func(name string, value any) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	for _, name := range s.names {
		s.old[name] = !visit(name, s.values[name])
	}
}

func (s *shares) outdated(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.old[name]
}

func (s *shares) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values, s.names, s.old = nil, nil, nil
}
