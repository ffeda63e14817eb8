// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/fleet"
)

// riskState is the extension.
type riskState struct {
	id        component.ID
	config    *Config
	set       component.TelemetrySettings
	logger    *zap.Logger
	telemetry *telemetry

	shares   shares
	scorers  scorers
	counters memoryCounters
	members  members
	seed     atomic.Uint64
	store    storage.Client // nil without `storage`
	fleet    *fleet.Fleet   // nil without `redis`

	httpServer         *http.Server // nil without `scoring::http`
	grpcServer         *grpc.Server // nil without `scoring::grpc`
	httpAddr, grpcAddr net.Addr     // what they listen on
	servers            sync.WaitGroup

	running context.Context //nolint:containedctx // ends at shutdown; Share, which needs it, has none
	stop    context.CancelFunc
	workers sync.WaitGroup
}

var _ extensioncapabilities.Dependent = (*riskState)(nil)

func newState(set extension.Settings, cfg *Config) (*riskState, error) {
	telemetry, err := newTelemetry(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	s := &riskState{id: set.ID, config: cfg, set: set.TelemetrySettings, logger: set.Logger, telemetry: telemetry}
	s.counters.maxKeys = cfg.CounterStore.MaxKeys
	return s, nil
}

// Dependencies are the extensions that are to be started before this one.
func (s *riskState) Dependencies() []component.ID {
	if s.config.Storage == nil {
		return nil
	}
	return []component.ID{*s.config.Storage}
}

// Start makes the state ready; pipelines are started after it. A Redis that cannot be reached is no error.
func (s *riskState) Start(ctx context.Context, host component.Host) (err error) {
	s.running, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	if s.store, err = s.openStore(ctx, host); err != nil {
		return err
	}
	seed, stored := s.storedSeed(ctx)
	if !stored {
		seed = randomSeed()
	}
	s.seed.Store(seed)
	if err := s.joinFleet(ctx, seed); err != nil {
		return err
	}
	if !stored {
		s.storeSeed(ctx)
	}
	s.shares.open(s.adopt)
	if s.store != nil && s.config.SnapshotInterval > 0 {
		s.workers.Go(s.keepSaving)
	}
	return s.serve(ctx, host)
}

func randomSeed() uint64 {
	var seed [8]byte
	_, _ = rand.Read(seed[:]) // never fails
	return binary.LittleEndian.Uint64(seed[:])
}

// Shutdown publishes and saves what is left; pipelines were shut down before it.
func (s *riskState) Shutdown(ctx context.Context) error {
	err := s.stopServing(ctx)
	if s.stop != nil {
		s.stop()
		s.workers.Wait()
	}
	s.leaveFleet(ctx) // before the snapshot, so that what is published is not in it
	s.save(ctx, true)
	s.shares.close()
	if s.store != nil {
		if closeErr := s.store.Close(ctx); closeErr != nil {
			err = errors.Join(err, fmt.Errorf("close storage: %w", closeErr))
		}
	}
	s.telemetry.shutdown()
	return err
}

// Share gives everybody the value that the first caller under that name made; see doc.go.
func (s *riskState) Share(name string, make func() (any, error)) (any, error) {
	return s.shares.get(name, make)
}

// Seed is what keys are hashed with; see doc.go.
func (s *riskState) Seed() uint64 { return s.seed.Load() }

// Degraded is true while the fleet's totals cannot be had.
func (s *riskState) Degraded() bool { return s.fleet != nil && s.fleet.Degraded() }

// RegisterScorer offers an engine to the scoring API; see doc.go.
func (s *riskState) RegisterScorer(name string, score func(context.Context, *ScoreRequest, *ScoreAnswer) error) (unregister func(), err error) {
	return s.scorers.add(name, score)
}

// adopt is called once for each new shared value, before anybody has it.
func (s *riskState) adopt(name string, value any) {
	if v, ok := value.(persistent); ok && s.store != nil {
		s.restore(name, v)
	}
}
