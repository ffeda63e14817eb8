// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/snapshot"
)

// persistent is a shared value that can be saved; see doc.go.
type persistent interface {
	Snapshot(w io.Writer) error
	Restore(r io.Reader) error
}

// seedKey is where the seed is kept in the store; values have names that end in /head or /<set>/<chunk>.
const seedKey = "seed"

// outcomes of snapshots, as counted.
const (
	snapshotSaved        = "saved"
	snapshotRestored     = "restored"
	snapshotFailed       = "failed"
	snapshotDamaged      = "damaged"
	snapshotOtherVersion = "other_version"
	snapshotOtherSeed    = "other_seed"
)

// openStore finds the storage extension and a client of it; nil without the setting.
func (s *riskState) openStore(ctx context.Context, host component.Host) (storage.Client, error) {
	if s.config.Storage == nil {
		return nil, nil
	}
	found, ok := host.GetExtensions()[*s.config.Storage]
	if !ok {
		return nil, fmt.Errorf("storage: there is no extension %q", s.config.Storage)
	}
	store, ok := found.(storage.Extension)
	if !ok {
		return nil, fmt.Errorf("storage: extension %q cannot store anything", s.config.Storage)
	}
	client, err := store.GetClient(ctx, component.KindExtension, s.id, "")
	if err != nil {
		return nil, fmt.Errorf("storage: open %q: %w", s.config.Storage, err)
	}
	return client, nil
}

// storedSeed returns the seed that snapshots were made with, or false.
func (s *riskState) storedSeed(ctx context.Context) (uint64, bool) {
	if s.store == nil {
		return 0, false
	}
	stored, err := s.store.Get(ctx, seedKey)
	switch {
	case err != nil:
		s.logger.Error("cannot read the seed; snapshots will not fit and are ignored", zap.Error(err))
	case len(stored) == 8:
		return binary.LittleEndian.Uint64(stored), true
	case len(stored) > 0:
		s.logger.Error("the stored seed is damaged; snapshots will not fit and are ignored", zap.Binary("seed", stored))
	}
	return 0, false
}

func (s *riskState) storeSeed(ctx context.Context) {
	if s.store == nil {
		return
	}
	if err := s.store.Set(ctx, seedKey, binary.LittleEndian.AppendUint64(nil, s.Seed())); err != nil {
		s.logger.Error("cannot store the seed; the next start will not find the snapshots of this one", zap.Error(err))
	}
}

// restore gives a new value its snapshot, if there is one that fits. What is wrong with one is reported, and the value
// starts empty.
func (s *riskState) restore(name string, value persistent) {
	err := snapshot.Load(s.running, s.store, name, s.Seed(), value.Restore)
	outcome := snapshotDamaged
	switch {
	case err == nil:
		s.telemetry.snapshot(s.running, name, snapshotRestored)
		s.logger.Info("restored state", zap.String("state", name))
		return
	case errors.Is(err, snapshot.ErrNone):
		return
	case errors.Is(err, snapshot.ErrSeed):
		outcome = snapshotOtherSeed
	case errors.Is(err, snapshot.ErrVersion):
		outcome = snapshotOtherVersion
	}
	s.telemetry.snapshot(s.running, name, outcome)
	s.logger.Error("cannot restore state; it starts empty", zap.String("state", name), zap.Error(err))
}

// save saves every value that can be saved.
func (s *riskState) save(ctx context.Context) {
	if s.store == nil {
		return
	}
	s.shares.each(func(name string, value any) {
		v, ok := value.(persistent)
		if !ok {
			return
		}
		size, err := snapshot.Save(ctx, s.store, name, s.Seed(), v.Snapshot)
		if err != nil {
			s.telemetry.snapshot(ctx, name, snapshotFailed)
			s.logger.Error("cannot save state; the snapshot before is kept", zap.String("state", name), zap.Error(err))
			return
		}
		s.telemetry.snapshot(ctx, name, snapshotSaved)
		s.telemetry.snapshotSize(ctx, name, size)
	})
}

// keepSaving saves at intervals until the extension is shut down.
func (s *riskState) keepSaving() {
	ticker := time.NewTicker(s.config.SnapshotInterval)
	defer ticker.Stop()
	for {
		select {
		case <-s.running.Done():
			return
		case <-ticker.C:
			s.save(context.WithoutCancel(s.running)) // one that has begun is finished
		}
	}
}
