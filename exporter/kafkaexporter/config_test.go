// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
)

func load(t *testing.T, settings map[string]any) (*Config, error) {
	t.Helper()
	cfg, ok := createDefaultConfig().(*Config)
	require.True(t, ok)
	if err := confmap.NewFromStringMap(settings).Unmarshal(cfg); err != nil {
		return cfg, err
	}
	return cfg, confmap.Validate(cfg)
}

func TestTheDefaultsAreValidAndIdempotent(t *testing.T) {
	cfg, err := load(t, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"localhost:9092"}, cfg.ClientConfig.Brokers)
	assert.Equal(t, DeliveryIdempotent, cfg.Producer.delivery())
	assert.Equal(t, "otlp_spans", cfg.Traces.Topic)
	assert.Equal(t, 5*time.Second, cfg.TimeoutSettings.Timeout)
}

func TestDeliveryFollowsRequiredAcks(t *testing.T) {
	for _, test := range []struct {
		acks any
		want Delivery
	}{
		{"all", DeliveryIdempotent},
		{-1, DeliveryIdempotent},
		{1, DeliveryAtLeastOnce},
		{"1", DeliveryAtLeastOnce},
		{0, DeliveryAtMostOnce},
	} {
		cfg, err := load(t, map[string]any{"producer": map[string]any{"required_acks": test.acks}})
		require.NoError(t, err, "%v", test.acks)
		assert.Equal(t, test.want, cfg.Producer.delivery(), "%v", test.acks)
	}
}

func TestValidateReportsAllFaultsWithKeyAndValue(t *testing.T) {
	_, err := load(t, map[string]any{
		"brokers":           []any{"a:b:c"},
		"conn_idle_timeout": "-1s",
		"protocol_version":  "0.10.2.0",
		"traces":            map[string]any{"topic": "a b", "encoding": "not an id!"},
		"logs":              map[string]any{"topic": ""},
		"producer":          map[string]any{"compression": "brotli", "required_acks": 1, "delivery": "idempotent", "max_message_bytes": 0, "flush_max_messages": 0},

		"partition_traces_by_id": true,

		"partition_traces_by_resource_attributes": true,
	})
	for _, want := range []string{
		"`brokers[0]` must be host or host:port, found \"a:b:c\"", "`conn_idle_timeout`", "`protocol_version` must be 0.11.0",
		"`partition_traces_by_id` and `partition_traces_by_resource_attributes`", "`traces::topic`", "\"a b\"",
		"`traces::encoding`", "\"not an id!\"", "`logs::topic`", "`compression`", "\"brotli\"",
		"`delivery` \"idempotent\"", "`max_message_bytes`", "`flush_max_messages`",
	} {
		assert.ErrorContains(t, err, want)
	}
}

func TestWrongSettingsAreRefused(t *testing.T) {
	for name, settings := range map[string]map[string]any{
		"unknown setting":                {"linger": "10ms"}, // it belongs below producer
		"no brokers":                     {"brokers": []any{}},
		"acks of two":                    {"producer": map[string]any{"required_acks": 2}},
		"acks in words":                  {"producer": map[string]any{"required_acks": "most"}},
		"level of lz4":                   {"producer": map[string]any{"compression": "lz4", "compression_params": map[string]any{"level": 3}}},
		"two partitioners":               {"record_partitioner": map[string]any{"round_robin": map[string]any{}, "least_backup": map[string]any{}}},
		"unknown hasher":                 {"record_partitioner": map[string]any{"sticky_key": map[string]any{"hasher": "md5"}}},
		"unknown delivery":               {"producer": map[string]any{"delivery": "maybe"}},
		"requests too small":             {"producer": map[string]any{"max_broker_write_bytes": 10}},
		"topic of two dots":              {"metrics": map[string]any{"topic": ".."}},
		"a key by OTTL and by trace":     {"partition_traces_by_id": true, "traces": map[string]any{"message_key_from_ottl": "span.name"}},
		"a key by OTTL and an attribute": {"metrics": map[string]any{"message_key_from_ottl": "metric.name", "message_key_from_attribute": "a"}},
		"OTTL for profiles":              {"profiles": map[string]any{"topic_from_ottl": "profile.name"}},
		"a key by two settings":          {"partition_logs_by_trace_id": true, "logs": map[string]any{"message_key_from_attribute": "tenant"}},
		"logs keyed both ways":           {"partition_logs_by_trace_id": true, "partition_logs_by_resource_attributes": true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, settings)
			assert.Error(t, err)
		})
	}
}

func TestBrokersWithoutAPortHaveKafkas(t *testing.T) {
	c := ClientConfig{Brokers: []string{"one", "one:1", "127.0.0.1", "::1", "[::1]", "[::1]:1"}}
	require.NoError(t, validateBrokers(c.Brokers))
	require.Equal(t, []string{"one:9092", "one:1", "127.0.0.1:9092", "[::1]:9092", "[::1]:9092", "[::1]:1"}, c.addresses())
}
