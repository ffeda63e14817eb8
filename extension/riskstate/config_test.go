// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
)

// configured reads a configuration as the Collector does.
func configured(t *testing.T, settings map[string]any) (*Config, error) {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, confmap.NewFromStringMap(settings).Unmarshal(cfg))
	return cfg, confmap.Validate(cfg)
}

func TestDefaultsAreValid(t *testing.T) {
	cfg, err := configured(t, nil)
	require.NoError(t, err)
	assert.False(t, cfg.Redis.HasValue())
}

func TestRedisIsOptInAndKeepsDefaults(t *testing.T) {
	cfg, err := configured(t, map[string]any{"redis": map[string]any{"addresses": []any{"localhost:6379"}}})
	require.NoError(t, err)
	assert.Equal(t, modeSingle, cfg.Redis.Get().Mode)
	assert.EqualValues(t, 3, cfg.Redis.Get().PublishMin)
}

func TestValidateNamesEveryFault(t *testing.T) {
	redis := func(settings map[string]any) map[string]any { return map[string]any{"redis": settings} }
	tests := map[string]struct {
		settings map[string]any
		want     []string
	}{
		"all at once": {
			map[string]any{"snapshot_interval": "-1s", "counter_store": map[string]any{"max_keys": 0, "expiry": "1ms"}, "scoring": map[string]any{"max_entities": 0, "max_attributes": 0}},
			[]string{"snapshot_interval: must be at least 0s, found -1s", "counter_store::max_keys", "counter_store::expiry", "scoring::max_entities", "scoring::max_attributes"},
		},
		"no server":           {redis(map[string]any{}), []string{"redis: addresses: must have the address"}},
		"no port":             {redis(map[string]any{"addresses": []any{"localhost"}}), []string{`addresses::0: must be host:port, found "localhost"`}},
		"mode":                {redis(map[string]any{"addresses": []any{"a:1"}, "mode": "ring"}), []string{`found "ring"`}},
		"sentinel":            {redis(map[string]any{"addresses": []any{"a:1"}, "mode": "sentinel"}), []string{"master_set: must name"}},
		"master without them": {redis(map[string]any{"addresses": []any{"a:1"}, "master_set": "m"}), []string{"master_set: is for mode sentinel only"}},
		"single":              {redis(map[string]any{"addresses": []any{"a:1", "b:1"}}), []string{"addresses: must be one"}},
		"cluster":             {redis(map[string]any{"addresses": []any{"a:1"}, "mode": "cluster", "db": 1}), []string{"db: must be 0"}},
		"braces":              {redis(map[string]any{"addresses": []any{"a:1"}, "key_prefix": "a{b}"}), []string{`found "a{b}"`}},
		"numbers": {
			redis(map[string]any{
				"addresses": []any{"a:1"}, "flush_interval": "1ms", "timeout": 0, "connect_timeout": 0, "heartbeat_interval": 0,
				"publish_min": -1, "max_keys": 0, "batch_keys": 5000, "breaker": map[string]any{"failures": 0, "wait": "2s", "max_wait": "1s"},
			}),
			[]string{
				"flush_interval: must be 10ms to 1m0s, found 1ms", "timeout", "connect_timeout", "heartbeat_interval", "publish_min",
				"max_keys", "batch_keys: must be 1 to 4096, found 5000", "breaker::failures", "breaker::max_wait: must be at least 2s, found 1s",
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := configured(t, tt.settings)
			require.Error(t, err)
			for _, want := range tt.want {
				assert.ErrorContains(t, err, want)
			}
		})
	}
}
