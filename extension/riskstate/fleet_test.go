// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"

	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/metadatatest"
	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/redistest"
)

// tally is a shared value that counts one key.
type tally struct {
	mu             sync.Mutex // guards the following
	pending, local int64
	published      bool
	total          int64
	seed           uint64
	rekeyed        int
}

func (y *tally) add(n int64) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.pending, y.local = y.pending+n, y.local+n
}

func (y *tally) fleetTotal() int64 {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.total
}

func (y *tally) Deltas(take func(*Delta) bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	d := Delta{Kind: KindAdd, First: !y.published, Feature: 1, Key: 2, Step: 3, Expiry: time.Minute, Value: y.pending, Local: y.local}
	if y.pending > 0 && take(&d) {
		y.pending, y.published = 0, true
	}
}

func (y *tally) Merge(total *Total) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.total = total.Total
}

func (y *tally) Rekey(seed uint64) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.pending, y.local, y.published, y.total = 0, 0, false, 0
	y.seed, y.rekeyed = seed, y.rekeyed+1
}

// fleetConfig is quick, since tests wait for it.
func fleetConfig(address string) *Config {
	cfg := createDefaultConfig().(*Config)
	redis := *cfg.Redis.GetOrInsertDefault()
	redis.Addresses = []string{address}
	redis.Timeout = redistest.Patience // on a busy machine nothing fails unless a test makes it
	redis.FlushInterval, redis.HeartbeatInterval = 10*time.Millisecond, 100*time.Millisecond
	redis.Breaker.Wait, redis.Breaker.MaxWait = 10*time.Millisecond, 100*time.Millisecond
	cfg.Redis = configoptional.Some(redis)
	return cfg
}

func shareTally(t *testing.T, s *riskState) *tally {
	t.Helper()
	value, err := s.Share("risk", func() (any, error) { return &tally{seed: s.Seed()}, nil })
	require.NoError(t, err)
	return value.(*tally)
}

func TestCollectorsShareTotals(t *testing.T) {
	redis := redistest.Start(t, "--requirepass", "secret")
	cfg := fleetConfig(redis.Addr())
	cfg.Redis.Get().Password = "secret"
	cfg.Redis.Get().Timeout = 2 * time.Second // which a pause is to be noticed by
	a, b := started(t, cfg), started(t, cfg)
	assert.Equal(t, a.Seed(), b.Seed())
	inA, inB := shareTally(t, a), shareTally(t, b)
	inA.add(5)
	redistest.Eventually(t, "a's total", func() bool { return inA.fleetTotal() == 5 })
	inB.add(4)
	redistest.Eventually(t, "the fleet's total", func() bool { return inB.fleetTotal() == 9 })
	redistest.Eventually(t, "all is well", func() bool { return !a.Degraded() && !b.Degraded() })

	redis.Pause()
	inA.add(3)
	redistest.Eventually(t, "a notices", a.Degraded)
	redistest.Eventually(t, "b notices, without traffic", b.Degraded)
	redis.Resume()
	redistest.Eventually(t, "the fleet's total", func() bool { return inA.fleetTotal() == 12 })
	redistest.Eventually(t, "all is well", func() bool { return !a.Degraded() && !b.Degraded() })
}

// TestEveryModeOfRedis: totals are shared through whatever the settings name.
func TestEveryModeOfRedis(t *testing.T) {
	for mode, start := range map[string]func(*testing.T, *RedisConfig){
		modeSingle: func(t *testing.T, c *RedisConfig) { c.Addresses = []string{redistest.Start(t).Addr()} },
		modeSentinel: func(t *testing.T, c *RedisConfig) {
			c.Addresses, c.MasterSet = []string{redistest.StartSentinel(t).Sentinel.Addr()}, redistest.MasterSet
		},
		modeCluster: func(t *testing.T, c *RedisConfig) {
			c.Addresses = []string{redistest.StartCluster(t, 3)[0].Addr()} // which knows the others
		},
	} {
		t.Run(mode, func(t *testing.T) {
			cfg := fleetConfig("")
			cfg.Redis.Get().Mode = mode
			start(t, cfg.Redis.Get())
			require.NoError(t, cfg.Redis.Get().Validate())
			inA, inB := shareTally(t, started(t, cfg)), shareTally(t, started(t, cfg))
			inA.add(5)
			redistest.Eventually(t, "a's total", func() bool { return inA.fleetTotal() == 5 })
			inB.add(4)
			redistest.Eventually(t, "the fleet's total", func() bool { return inB.fleetTotal() == 9 })
		})
	}
}

func TestWithoutRedisAtStartTheSeedIsLearnedLater(t *testing.T) {
	redis := redistest.Start(t)
	first := started(t, fleetConfig(redis.Addr()))
	seed := first.Seed()
	redis.Pause()
	cfg := fleetConfig(redis.Addr())
	cfg.Redis.Get().ConnectTimeout, cfg.Redis.Get().Timeout = 50*time.Millisecond, time.Second
	late := started(t, cfg)
	assert.True(t, late.Degraded())
	value := shareTally(t, late)
	value.add(7)
	redis.Resume()
	redistest.Eventually(t, "the fleet's seed", func() bool { return late.Seed() == seed })
	redistest.Eventually(t, "all is well", func() bool { return !late.Degraded() })
	value.add(3)
	redistest.Eventually(t, "a total of what was keyed by it", func() bool { return value.fleetTotal() == 3 })
	assert.Equal(t, seed, value.seed)
	assert.Equal(t, 1, value.rekeyed)
}

func TestContribsSamplersShareCounts(t *testing.T) {
	redis := redistest.Start(t)
	fleets := map[string][2]*riskState{}
	alone := started(t, createDefaultConfig().(*Config))
	fleets["memory"] = [2]*riskState{alone, alone}
	fleets["redis"] = [2]*riskState{started(t, fleetConfig(redis.Addr())), started(t, fleetConfig(redis.Addr()))}
	for name, f := range fleets {
		t.Run(name, func(t *testing.T) {
			// The interface as contrib's processor declares it.
			var a, b interface {
				AddCounts(ctx context.Context, samplerID string, bucket int64, counts map[string]float64) error
				ReadCounts(ctx context.Context, samplerID string, bucket int64) (map[string]float64, error)
			} = f[0], f[1]
			counts, err := a.ReadCounts(t.Context(), "rule", 7)
			require.NoError(t, err)
			assert.Empty(t, counts)
			assert.NotNil(t, counts)
			require.NoError(t, a.AddCounts(t.Context(), "rule", 7, map[string]float64{"GET /": 1.5, "POST /": 2}))
			require.NoError(t, b.AddCounts(t.Context(), "rule", 7, map[string]float64{"GET /": 1}))
			require.NoError(t, b.AddCounts(t.Context(), "other", 7, map[string]float64{"GET /": 8}))
			counts, err = a.ReadCounts(t.Context(), "rule", 7)
			require.NoError(t, err)
			assert.Equal(t, map[string]float64{"GET /": 2.5, "POST /": 2}, counts)
			counts["GET /"] = 0 // the caller's own
			counts, err = a.ReadCounts(t.Context(), "rule", 7)
			require.NoError(t, err)
			assert.InDelta(t, 2.5, counts["GET /"], 0)
		})
	}
}

func TestCountsInMemoryAreBounded(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.CounterStore.MaxKeys = 2
	s := started(t, cfg)
	require.NoError(t, s.AddCounts(t.Context(), "rule", 7, map[string]float64{"a": 1, "b": 1}))
	require.ErrorContains(t, s.AddCounts(t.Context(), "rule", 8, map[string]float64{"c": 1}), "counter_store::max_keys")
	require.NoError(t, s.AddCounts(t.Context(), "rule", 7, map[string]float64{"a": 1}))
	require.NoError(t, s.AddCounts(t.Context(), "rule", 10, map[string]float64{"c": 1}), "old intervals make room")
}

func TestMembersAreTold(t *testing.T) {
	redis := redistest.Start(t)
	var alone, together atomic.Int64
	// The interface as contrib's processor declares it.
	var itself interface {
		SubscribeMemberCount(callback func(count int)) (cancel func(), err error)
	} = started(t, createDefaultConfig().(*Config))
	cancel, err := itself.SubscribeMemberCount(func(n int) { alone.Store(int64(n)) })
	require.NoError(t, err)
	defer cancel()
	assert.EqualValues(t, 1, alone.Load(), "told at once")

	a := started(t, fleetConfig(redis.Addr()))
	cancel, err = a.SubscribeMemberCount(func(n int) { together.Store(int64(n)) })
	require.NoError(t, err)
	started(t, fleetConfig(redis.Addr()))
	redistest.Eventually(t, "two", func() bool { return together.Load() == 2 })
	cancel()
	started(t, fleetConfig(redis.Addr()))
	redistest.Eventually(t, "three", func() bool { return a.members.count() == 3 })
	assert.EqualValues(t, 2, together.Load(), "not told any more")
	_, err = a.SubscribeMemberCount(nil)
	require.Error(t, err)
}

func TestFleetMetrics(t *testing.T) {
	redis := redistest.Start(t)
	telemetry := componenttest.NewTelemetry()
	s, err := newState(metadatatest.NewSettings(telemetry), fleetConfig(redis.Addr()))
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context(), componenttest.NewNopHost()))
	value := shareTally(t, s)
	value.add(2) // rare
	redistest.Eventually(t, "deferred", func() bool {
		_, err := telemetry.GetMetric("otelcol_extension_riskstate_fleet_deltas_deferred")
		return err == nil
	})
	value.add(1)
	redistest.Eventually(t, "confirmed", func() bool { return value.fleetTotal() == 3 })
	require.NoError(t, s.Shutdown(t.Context()))
	for _, name := range []string{"fleet_keys_confirmed", "fleet_flush_duration"} {
		_, err := telemetry.GetMetric("otelcol_extension_riskstate_" + name)
		assert.NoError(t, err)
	}
	require.NoError(t, telemetry.Shutdown(t.Context()))
}
