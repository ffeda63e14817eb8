// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"context"
	"crypto/rand"
	"encoding/binary"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.uber.org/zap"
)

// riskState is the extension.
type riskState struct {
	config  *Config
	logger  *zap.Logger
	shares  shares
	scorers scorers
	seed    uint64
}

func newState(set extension.Settings, cfg *Config) *riskState {
	return &riskState{config: cfg, logger: set.Logger}
}

// Start makes the state ready; pipelines are started after it.
func (s *riskState) Start(context.Context, component.Host) error {
	var seed [8]byte
	_, _ = rand.Read(seed[:]) // never fails
	s.seed = binary.LittleEndian.Uint64(seed[:])
	s.shares.open(s.adopt)
	return nil
}

// Shutdown gives up all shared values; pipelines were shut down before it.
func (s *riskState) Shutdown(context.Context) error {
	s.shares.close()
	return nil
}

// Share gives everybody the value that the first caller under that name made; see doc.go.
func (s *riskState) Share(name string, make func() (any, error)) (any, error) {
	return s.shares.get(name, make)
}

// Seed is what keys are hashed with; see doc.go.
func (s *riskState) Seed() uint64 { return s.seed }

// Degraded is true while the fleet's totals cannot be had.
func (*riskState) Degraded() bool { return false }

// RegisterScorer offers an engine to the scoring API; see doc.go.
func (s *riskState) RegisterScorer(name string, score func(context.Context, *ScoreRequest, *ScoreAnswer) error) (unregister func(), err error) {
	return s.scorers.add(name, score)
}

// adopt is called once for each new shared value, before anybody has it.
func (*riskState) adopt(string, any) {}
