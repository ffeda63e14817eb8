// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskcrs

import (
	"testing"
	"time"

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
	_, err := configured(t, nil)
	require.NoError(t, err)
}

func TestSettingsAreRead(t *testing.T) {
	cfg, err := configured(t, map[string]any{
		"paranoia_level": 2, "threshold": 10, "workers": 3, "cpu_share": 1, "timeout": "5ms", "max_request_bytes": 1000,
		"queue": map[string]any{"max_requests": 7, "max_bytes": 2000},
	})
	require.NoError(t, err)
	assert.Equal(t, &Config{
		ParanoiaLevel: 2, Threshold: 10, Workers: 3, CPUShare: 1, Timeout: 5 * time.Millisecond, MaxRequestBytes: 1000,
		Queue: QueueConfig{MaxRequests: 7, MaxBytes: 2000},
	}, cfg)
}

func TestValidateNamesEveryFault(t *testing.T) {
	_, err := configured(t, map[string]any{
		"paranoia_level": 5, "threshold": 0, "workers": 0, "cpu_share": 1.5, "timeout": "1us", "max_request_bytes": 1,
		"queue": map[string]any{"max_requests": 0, "max_bytes": 0},
	})
	for _, want := range []string{
		"paranoia_level: must be 1 to 4, found 5",
		"threshold: must be 1 to 1000, found 0",
		"workers: must be 1 to 64, found 0",
		"cpu_share: must be above 0 and at most 1, found 1.5",
		"timeout: must be 1ms to 1m0s, found 1µs",
		"max_request_bytes: must be 64 to 1048576, found 1",
		"queue::max_requests: must be 1 to 1048576, found 0",
		"queue::max_bytes: must be at least max_request_bytes (1), found 0",
	} {
		require.ErrorContains(t, err, want)
	}
}
