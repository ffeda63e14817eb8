// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package dropin

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	contrib "github.com/open-telemetry/opentelemetry-collector-contrib/exporter/kafkaexporter"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	ours "github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter"
)

// keys adds the settings of a type to found, as keys like a::b.
func keys(kind reflect.Type, prefix string, found map[string]bool) {
	if get, optional := reflect.PointerTo(kind).MethodByName("Get"); optional && strings.HasPrefix(kind.Name(), "Optional[") {
		kind = get.Type.Out(0)
	}
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	if kind.Kind() != reflect.Struct {
		return
	}
	for i := range kind.NumField() {
		field := kind.Field(i)
		name, options, tagged := strings.Cut(field.Tag.Get("mapstructure"), ",")
		switch {
		case !field.IsExported() || name == "-":
		case tagged && strings.Contains(options, "squash"):
			keys(field.Type, prefix, found)
		default:
			found[prefix+name] = true
			keys(field.Type, prefix+name+"::", found)
		}
	}
}

// TestEverySettingOfContribsTypesIsOurs finds also those that no file of contrib's mentions.
func TestEverySettingOfContribsTypesIsOurs(t *testing.T) {
	theirs, mine := map[string]bool{}, map[string]bool{}
	keys(reflect.TypeOf(contrib.NewFactory().CreateDefaultConfig()), "", theirs)
	keys(reflect.TypeOf(ours.NewFactory().CreateDefaultConfig()), "", mine)
	for _, known := range []string{"timeout", "auth::kerberos::keytab_file", "tls::reload_interval", "sending_queue::batch::max_size", "producer::compression_params::level"} {
		require.Contains(t, theirs, known, "the walk has lost its way")
	}
	for _, key := range slices.Sorted(maps.Keys(theirs)) {
		assert.True(t, mine[key], "setting %s is missing", key)
	}
	for _, key := range slices.Sorted(maps.Keys(mine)) {
		assert.True(t, theirs[key] || slices.Contains(onlyOurs, key), "setting %s is not among those that the README says are only here", key)
	}
}

// onlyOurs is what the README says is only here.
var onlyOurs = []string{
	"traces::message_key_from_attribute", "metrics::message_key_from_attribute", "logs::message_key_from_attribute",
	"profiles::message_key_from_attribute", "traces::topic_from_ottl", "metrics::topic_from_ottl", "logs::topic_from_ottl",
	"profiles::topic_from_ottl", "traces::message_key_from_ottl", "metrics::message_key_from_ottl", "logs::message_key_from_ottl",
	"profiles::message_key_from_ottl", "dead_letter_topic", "risk_headers", "partition_traces_by_resource_attributes",
	"producer::delivery", "producer::max_buffered_bytes",
}

// TestValuesThatContribTakesAreTaken and mean the same, among them sections that are there and empty.
func TestValuesThatContribTakesAreTaken(t *testing.T) {
	cases := []settings{
		{"tls": nil},
		{"tls": settings{}},
		{"tls": settings{"insecure": true}},
		{"auth": nil},
		{"auth": settings{"tls": settings{}}},
		{"auth": settings{"sasl": nil}},
		{"auth": settings{"kerberos": settings{}}},
		{"auth": settings{"plain_text": settings{}}},
		{"producer": nil},
		{"traces": nil},
		{"metadata": nil},
		{"metadata": settings{"retry": nil, "refresh_interval": 0}},
		{"record_partitioner": nil},
		{"record_partitioner": settings{}},
		{"record_partitioner": settings{"round_robin": nil}},
		{"record_partitioner": settings{"round_robin": settings{}}},
		{"record_partitioner": settings{"least_backup": settings{}}},
		{"record_partitioner": settings{"sticky_key": settings{}}},
		{"record_partitioner": settings{"extension": "a/b"}},
		{"sending_queue": nil},
		{"sending_queue": settings{}},
		{"sending_queue": settings{"enabled": false}},
		{"sending_queue": settings{"batch": settings{}}},
		{"retry_on_failure": nil},
		{"retry_on_failure": settings{"enabled": false}},
		{"retry_on_failure": settings{"max_elapsed_time": 0}},
		{"timeout": 0},
		{"client_id": ""},
		{"record_headers": nil},
		{"record_headers": settings{}},
		{"record_headers": []any{}},
		{"include_metadata_keys": nil},
		{"include_metadata_keys": []any{"A", "a"}},
		{"producer": settings{"linger": 0}},
		{"producer": settings{"flush_max_messages": 1}},
		{"producer": settings{"max_message_bytes": 104857600}},
		{"brokers": "one:9092,two:9092"},
		{"brokers": []any{"[::1]:9092", "::1", "host"}},
		{"conn_idle_timeout": "1ns"},
		{"logs": settings{"encoding": "text_encoding/name"}},
		{"profiles": settings{"topic_from_metadata_key": "a"}},
	}
	for _, acks := range []any{"all", -1, 0, 1, "0", "1", "-1"} {
		cases = append(cases, settings{"producer": settings{"required_acks": acks}})
	}
	for _, release := range []string{"0.11.0", "0.11.0.2", "1.0.0", "1.1", "v2.1.0", "2.8.1", "3.9.0", "v3.0", "4.0.0", "4.1"} {
		cases = append(cases, settings{"protocol_version": release})
	}
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		for level := -3; level <= 12; level++ {
			cases = append(cases, settings{"producer": settings{"compression": codec, "compression_params": settings{"level": level}}})
		}
	}
	taken := 0
	for _, given := range cases {
		t.Run(fmt.Sprint(given), func(t *testing.T) {
			theirs, loading, validation := load(t, contrib.NewFactory(), given)
			if loading != nil || validation != nil {
				return // what contrib's exporter refuses says nothing about ours
			}
			taken++
			mine, loading, validation := load(t, ours.NewFactory(), given)
			require.NoError(t, loading)
			require.NoError(t, validation)
			requireSameSettings(t, given, theirs, mine)
		})
	}
	assert.Greater(t, taken, 80)
}
