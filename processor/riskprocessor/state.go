// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/feature"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
)

// storeName is what features are shared under: all processors that name the same extension share what they count.
const storeName = "riskprocessor/features"

// extensionState is what a riskstate extension offers, in types that everybody has: components do not import each other.
// The contract is in its package documentation.
type extensionState interface {
	// Share gives everybody the value that the first caller under that name made.
	Share(name string, make func() (any, error)) (any, error)
	// Seed is what keys are hashed with.
	Seed() uint64
	// Degraded is true while the fleet's totals cannot be had.
	Degraded() bool
	// RegisterScorer offers an engine to the scoring API.
	RegisterScorer(name string, score func(context.Context, *scoreRequest, *scoreAnswer) error) (unregister func(), err error)
}

// state is where counts are kept. The zero value keeps them in this process.
type state struct {
	id        component.ID
	extension extensionState // nil without one
}

// findState finds the extension with the given id.
func findState(id *component.ID, host component.Host) (state, error) {
	if id == nil {
		return state{}, nil
	}
	found, ok := host.GetExtensions()[*id]
	if !ok {
		return state{}, fmt.Errorf("state: extension %q is not configured, or not in service::extensions", id)
	}
	extension, ok := found.(extensionState)
	if !ok {
		return state{}, fmt.Errorf("state: extension %q keeps no state for processors", id)
	}
	return state{*id, extension}, nil
}

// store returns the tables of features, which get a seed from random unless the extension has one.
func (s state) store(random func() uint64) (*feature.Store, error) {
	if s.extension == nil {
		return feature.NewStore(random(), systemClock()), nil
	}
	value, err := s.extension.Share(storeName, func() (any, error) {
		return feature.NewStore(s.extension.Seed(), systemClock()), nil
	})
	if err != nil {
		return nil, fmt.Errorf("state: extension %q: %w", s.id, err)
	}
	store, ok := value.(*feature.Store)
	if !ok {
		return nil, fmt.Errorf("state: extension %q: %q is a %T", s.id, storeName, value)
	}
	return store, nil
}

// register offers the processor's rules to the scoring API, unless its sibling of the other signal has done so.
func (s state) register(p *riskProcessor) (unregister func(), err error) {
	if s.extension == nil || p.signal != rule.Spans || !p.instances.claimScorer(p.shared) {
		return func() {}, nil
	}
	leave, err := s.extension.RegisterScorer(p.id.String(), p.answer)
	if err != nil {
		p.instances.yieldScorer(p.shared)
		return nil, fmt.Errorf("state: extension %q: %w", s.id, err)
	}
	return func() {
		leave()
		p.instances.yieldScorer(p.shared)
	}, nil
}

func (s state) degraded() bool { return s.extension != nil && s.extension.Degraded() }
