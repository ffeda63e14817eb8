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

// forfeiting is a shared value whose snapshot may be older than what the fleet was told; see doc.go.
type forfeiting interface {
	Forfeit()
}

// seedKey is where the seed is kept in the store; values have names that end in /head, /<set>/<chunk> or /last.
const seedKey = "seed"

// lastKey is where it is kept that the snapshot is the one of a shutdown, which nothing was published after, and that no
// value had it yet: what is published after a restart is in the next one only.
func lastKey(name string) string { return name + "/last" }

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
	last := s.takeLast(name)
	err := snapshot.Load(s.running, s.store, name, s.Seed(), value.Restore)
	outcome := snapshotDamaged
	switch {
	case err == nil:
		if v, ok := value.(forfeiting); ok && !last && s.fleet != nil {
			v.Forfeit()
		}
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

// takeLast says whether the snapshot is that of a shutdown, once.
func (s *riskState) takeLast(name string) bool {
	mark, err := s.store.Get(s.running, lastKey(name))
	if err == nil && mark != nil {
		if err = s.store.Delete(s.running, lastKey(name)); err == nil {
			return true
		}
	}
	if err != nil {
		s.logger.Error("cannot tell whether the last shutdown saved state; what was not published then is lost to the fleet",
			zap.String("state", name), zap.Error(err))
	}
	return false
}

// markLast has the next start find the snapshot of a shutdown.
func (s *riskState) markLast(ctx context.Context, name string) {
	if err := s.store.Set(ctx, lastKey(name), []byte{1}); err != nil {
		s.logger.Error("cannot mark the last snapshot; what it has that is not published is lost to the fleet",
			zap.String("state", name), zap.Error(err))
	}
}

// save saves every value that can be saved. After the last snapshot nothing is published.
func (s *riskState) save(ctx context.Context, last bool) {
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
		if last {
			s.markLast(ctx, name)
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
			s.save(context.WithoutCancel(s.running), false) // one that has begun is finished
		}
	}
}
