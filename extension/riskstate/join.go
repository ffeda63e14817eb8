// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"context"

	"go.uber.org/zap"

	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/fleet"
)

// rekeyed is a shared value that can go on with another seed; see doc.go.
type rekeyed interface {
	Rekey(seed uint64)
}

// The contract's types are the fleet's.
var (
	_ func(*Delta) = func(*fleet.Delta) {}
	_ func(*Total) = func(*fleet.Total) {}
)

// joinFleet starts the exchange with Redis, if it is configured. s.seed is then the fleet's, if Redis was reached.
func (s *riskState) joinFleet(ctx context.Context, seed uint64) error {
	config := s.config.Redis.Get()
	if config == nil {
		return nil
	}
	settings, err := config.settings(ctx)
	if err != nil {
		return err
	}
	s.fleet = fleet.New(settings, fleet.Events{
		Values:  s.fleetValues,
		Seed:    s.rekey,
		Members: s.members.changed,
		Flushed: func(f fleet.Flush) { s.telemetry.flushed(s.running, &f) },
		Fault:   s.fleetFault,
	}, seed)
	if err := s.telemetry.observeFleet(s.fleet.Degraded, s.members.count); err != nil {
		return err
	}
	s.fleet.Start(ctx)
	return nil
}

func (s *riskState) leaveFleet(ctx context.Context) {
	if s.fleet == nil {
		return
	}
	if unknown := s.fleet.Stop(ctx); unknown > 0 {
		s.telemetry.unknown(ctx, unknown)
		s.logger.Warn("Redis has not confirmed the last counts; the fleet may lack them", zap.Int64("keys", unknown))
	}
}

func (s *riskState) fleetFault(err error) {
	if err != nil {
		s.logger.Warn("cannot reach Redis; scores rest on what this collector sees alone", zap.Error(err))
		return
	}
	s.logger.Info("Redis is reached; totals are the fleet's again")
}

// fleetValues returns the shared values that take part in the fleet.
func (s *riskState) fleetValues() (values []fleet.Value) {
	s.shares.each(func(name string, value any) {
		if v, ok := value.(fleet.Value); ok && !s.shares.outdated(name) {
			values = append(values, v)
		}
	})
	return values
}

// rekey goes on with the fleet's seed. At start nothing is keyed yet.
func (s *riskState) rekey(seed uint64) {
	s.shares.update(func() { s.seed.Store(seed) }, func(name string, value any) (current bool) {
		v, ok := value.(rekeyed)
		if ok {
			v.Rekey(seed)
		} else if _, counted := value.(fleet.Value); counted {
			s.logger.Warn("state is keyed with a seed that is not the fleet's and stays with this collector until the next start",
				zap.String("state", name))
		}
		return ok
	})
	s.storeSeed(s.running)
}
