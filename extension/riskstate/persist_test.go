// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/metadata"
	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/metadatatest"
	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/redistest"
)

// hostWith is a host with one extension.
type hostWith struct {
	component.Host
	extensions map[component.ID]component.Component
}

func (h hostWith) GetExtensions() map[component.ID]component.Component { return h.extensions }

var fileStorage = component.MustNewID("file_storage")

// storageIn starts contrib's file_storage in a folder.
func storageIn(t *testing.T, folder string) (host hostWith, stop func()) {
	t.Helper()
	factory := filestorage.NewFactory()
	cfg := factory.CreateDefaultConfig().(*filestorage.Config)
	cfg.Directory = folder
	files, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), cfg)
	require.NoError(t, err)
	require.NoError(t, files.Start(t.Context(), componenttest.NewNopHost()))
	return hostWith{componenttest.NewNopHost(), map[component.ID]component.Component{fileStorage: files}},
		func() { assert.NoError(t, files.Shutdown(context.WithoutCancel(t.Context()))) }
}

// number is a shared value: eight bytes that can be saved.
type number struct {
	value     uint64
	fault     error
	forfeited bool
}

func (n *number) Snapshot(w io.Writer) error {
	return errors.Join(n.fault, binary.Write(w, binary.LittleEndian, n.value))
}

func (n *number) Forfeit() { n.forfeited = true }

func (n *number) Restore(r io.Reader) error { return binary.Read(r, binary.LittleEndian, &n.value) }

func share(t *testing.T, s *riskState) *number {
	t.Helper()
	value, err := s.Share("risk", func() (any, error) { return &number{}, nil })
	require.NoError(t, err)
	return value.(*number)
}

func persistentConfig() *Config {
	cfg := createDefaultConfig().(*Config)
	cfg.Storage = &fileStorage
	return cfg
}

// session runs the extension on files that last, as one life of a process.
func session(t *testing.T, folder string, cfg *Config, live func(*riskState, *number, storage.Client)) map[string]int64 {
	t.Helper()
	telemetry := componenttest.NewTelemetry()
	defer func() { assert.NoError(t, telemetry.Shutdown(context.WithoutCancel(t.Context()))) }()
	host, stop := storageIn(t, folder)
	defer stop()
	s, err := newState(metadatatest.NewSettings(telemetry), cfg)
	require.NoError(t, err)
	s.id = component.NewID(metadata.Type) // the same in every life
	assert.Equal(t, []component.ID{fileStorage}, s.Dependencies())
	require.NoError(t, s.Start(t.Context(), host))
	live(s, share(t, s), s.store)
	require.NoError(t, s.Shutdown(t.Context()))

	outcomes := map[string]int64{}
	got, err := telemetry.GetMetric("otelcol_extension_riskstate_snapshots")
	if err != nil {
		return outcomes // none was counted
	}
	for _, point := range got.Data.(metricdata.Sum[int64]).DataPoints {
		outcome, _ := point.Attributes.Value(attribute.Key("outcome"))
		outcomes[outcome.AsString()] = point.Value
	}
	return outcomes
}

func TestARestartKeepsWhatWasLearned(t *testing.T) {
	folder := t.TempDir()
	var seed uint64
	outcomes := session(t, folder, persistentConfig(), func(s *riskState, n *number, _ storage.Client) {
		n.value, seed = 42, s.Seed()
	})
	assert.Equal(t, map[string]int64{snapshotSaved: 1}, outcomes)
	outcomes = session(t, folder, persistentConfig(), func(s *riskState, n *number, _ storage.Client) {
		assert.EqualValues(t, 42, n.value)
		assert.Equal(t, seed, s.Seed())
	})
	assert.Equal(t, map[string]int64{snapshotSaved: 1, snapshotRestored: 1}, outcomes)
}

func TestStateIsSavedAtIntervals(t *testing.T) {
	cfg := persistentConfig()
	cfg.SnapshotInterval = 10 * time.Millisecond
	outcomes := session(t, t.TempDir(), cfg, func(_ *riskState, n *number, store storage.Client) {
		n.value = 42
		redistest.Eventually(t, "a snapshot", func() bool {
			head, err := store.Get(t.Context(), "risk/head")
			return err == nil && head != nil
		})
	})
	assert.Greater(t, outcomes[snapshotSaved], int64(1))
}

func TestADamagedSnapshotIsReportedAndIgnored(t *testing.T) {
	damage := map[string]struct {
		do   func(store storage.Client) error
		want string
	}{
		"chunk": {func(store storage.Client) error { return store.Set(t.Context(), "risk/1/0", []byte("what?")) }, snapshotDamaged},
		"head":  {func(store storage.Client) error { return store.Set(t.Context(), "risk/head", []byte("what?")) }, snapshotDamaged},
		"seed":  {func(store storage.Client) error { return store.Set(t.Context(), seedKey, []byte("what?")) }, snapshotOtherSeed},
	}
	for name, d := range damage {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			session(t, folder, persistentConfig(), func(_ *riskState, n *number, _ storage.Client) { n.value = 42 })
			host, stop := storageIn(t, folder)
			store, err := host.extensions[fileStorage].(storage.Extension).GetClient(t.Context(), component.KindExtension, component.NewID(metadata.Type), "")
			require.NoError(t, err)
			require.NoError(t, d.do(store))
			require.NoError(t, store.Close(t.Context()))
			stop()

			outcomes := session(t, folder, persistentConfig(), func(_ *riskState, n *number, _ storage.Client) {
				assert.Zero(t, n.value)
				n.value = 43
			})
			assert.Equal(t, map[string]int64{snapshotSaved: 1, d.want: 1}, outcomes)
			session(t, folder, persistentConfig(), func(_ *riskState, n *number, _ storage.Client) {
				assert.EqualValues(t, 43, n.value, "and it is replaced")
			})
		})
	}
}

func TestAFailedSnapshotKeepsTheOneBefore(t *testing.T) {
	folder := t.TempDir()
	session(t, folder, persistentConfig(), func(_ *riskState, n *number, _ storage.Client) { n.value = 42 })
	outcomes := session(t, folder, persistentConfig(), func(_ *riskState, n *number, _ storage.Client) {
		n.value, n.fault = 43, errors.New("cannot be written")
	})
	assert.Equal(t, map[string]int64{snapshotRestored: 1, snapshotFailed: 1}, outcomes)
	session(t, folder, persistentConfig(), func(_ *riskState, n *number, _ storage.Client) { assert.EqualValues(t, 42, n.value) })
}

// Only the snapshot of a shutdown knows all that was published, and only until something is published after it.
func TestASnapshotThatMayBeTooOldIsForfeited(t *testing.T) {
	folder := t.TempDir()
	inFleet := persistentConfig()
	inFleet.Redis = fleetConfig("localhost:1").Redis // nobody is there
	inFleet.SnapshotInterval = 0
	killed := errors.New("killed: nothing is saved at the end")
	life := func(cfg *Config, saved bool, end error) (forfeited bool) {
		session(t, folder, cfg, func(s *riskState, n *number, _ storage.Client) {
			forfeited = n.forfeited
			n.value = 42
			if saved {
				s.save(t.Context(), false)
			}
			n.fault = end
		})
		return forfeited
	}
	assert.False(t, life(inFleet, false, nil), "there is no snapshot")
	assert.False(t, life(inFleet, false, killed), "after a shutdown")
	assert.True(t, life(inFleet, true, killed), "the same again, after what was published meanwhile")
	assert.True(t, life(inFleet, false, nil), "one that was saved while it was running")
	assert.False(t, life(inFleet, false, killed), "after a shutdown")
	assert.False(t, life(persistentConfig(), false, nil), "without a fleet")
}

func TestStorageMustBeThere(t *testing.T) {
	s, err := newState(extensiontest.NewNopSettings(metadata.Type), persistentConfig())
	require.NoError(t, err)
	require.ErrorContains(t, s.Start(t.Context(), componenttest.NewNopHost()), `storage: there is no extension "file_storage"`)
	require.NoError(t, s.Shutdown(t.Context()))
}
