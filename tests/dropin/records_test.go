// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package dropin

import (
	"context"
	"testing"

	contrib "github.com/open-telemetry/opentelemetry-collector-contrib/exporter/kafkaexporter"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/ptrace"

	ours "github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter"
)

type settings = map[string]any

// reverse is an encoding extension.
type reverse struct{}

func (reverse) Start(context.Context, component.Host) error { return nil }
func (reverse) Shutdown(context.Context) error              { return nil }
func (reverse) MarshalTraces(td ptrace.Traces) ([]byte, error) {
	return []byte{byte(td.SpanCount()), byte(td.ResourceSpans().Len())}, nil
}

func (reverse) MarshalMetrics(md pmetric.Metrics) ([]byte, error) {
	return []byte{byte(md.DataPointCount()), 1}, nil
}

func (reverse) MarshalLogs(ld plog.Logs) ([]byte, error) {
	return []byte{byte(ld.LogRecordCount()), 2}, nil
}

func (reverse) MarshalProfiles(pd pprofile.Profiles) ([]byte, error) {
	return []byte{byte(pd.SampleCount()), 3}, nil
}

// keyLength is a partitioner's extension, for contrib's exporter as for ours.
type keyLength struct{ reverse }

func (keyLength) GetPartitioner() kgo.Partitioner {
	return kgo.BasicConsistentPartitioner(func(string) func(*kgo.Record, int) int {
		return func(r *kgo.Record, n int) int { return (int(r.Key[len(r.Key)-1]) + len(r.Value)) % n }
	})
}

// backup is a partitioner that needs franz-go's client.
type backup struct{ reverse }

func (backup) GetPartitioner() kgo.Partitioner { return kgo.LeastBackupPartitioner() }

// with is settings of a signal.
func with(signal string, more settings) settings { return settings{signal: more} }

// TestTheSameInputBecomesTheSameRecords compares topics, keys, headers, values, and the partitions of what has a key.
func TestTheSameInputBecomesTheSameRecords(t *testing.T) {
	spans, oneResource, manyLogs, fewLogs := traces(4, 10), traces(1, 20), logs(4), logs(1)
	extensions := host{component.MustNewID("key_length"): keyLength{}, component.MustNewID("reverse"): reverse{}, component.MustNewIDWithName("otlp_json", "mine"): reverse{}}
	for name, test := range map[string]struct {
		data     any
		settings settings
	}{
		"traces":                                  {spans, nil},
		"traces as otlp_json":                     {spans, with("traces", settings{"encoding": "otlp_json"})},
		"traces as jaeger_proto":                  {spans, with("traces", settings{"encoding": "jaeger_proto"})},
		"traces as jaeger_json":                   {spans, with("traces", settings{"encoding": "jaeger_json"})},
		"traces as zipkin_json":                   {spans, with("traces", settings{"encoding": "zipkin_json"})},
		"traces by an extension":                  {spans, with("traces", settings{"encoding": "reverse"})},
		"traces by an extension by id":            {oneResource, settings{"traces": settings{"encoding": "otlp_json/mine"}, "partition_traces_by_id": true}},
		"traces by id":                            {oneResource, settings{"partition_traces_by_id": true}},
		"traces by id, Java's partitions":         {oneResource, settings{"partition_traces_by_id": true, "record_partitioner": settings{"sticky_key": settings{"hasher": "murmur2"}}}},
		"traces by id, an extension's partitions": {oneResource, settings{"partition_traces_by_id": true, "record_partitioner": settings{"extension": "key_length"}}},
		"traces by id as otlp_json":               {oneResource, settings{"partition_traces_by_id": true, "traces": settings{"encoding": "otlp_json"}}},
		"traces by id as zipkin_json":             {spans, settings{"partition_traces_by_id": true, "traces": settings{"encoding": "zipkin_json"}}},
		"traces by id as jaeger_json":             {spans, settings{"partition_traces_by_id": true, "traces": settings{"encoding": "jaeger_json"}}},
		"traces by id, topic by attribute":        {spans, settings{"partition_traces_by_id": true, "topic_from_attribute": "topic"}},
		"traces, topic by attribute":              {spans, settings{"topic_from_attribute": "topic"}},
		"traces, topic by metadata":               {spans, settings{"topic_from_attribute": "topic", "traces": settings{"topic_from_metadata_key": "Where"}}},
		"traces, topic by missing metadata":       {spans, with("traces", settings{"topic_from_metadata_key": "missing"})},
		"traces, key by metadata":                 {spans, with("traces", settings{"message_key_from_metadata_key": "tenant"})},
		"traces, key by empty metadata":           {spans, with("traces", settings{"message_key_from_metadata_key": "none"})},
		"jaeger spans, key by metadata":           {spans, with("traces", settings{"encoding": "jaeger_json", "message_key_from_metadata_key": "tenant"})},
		"traces with headers": {spans, settings{
			"include_metadata_keys": []any{"tenant", "missing", "where"},
			"record_headers":        []any{settings{"name": "a", "value": "1"}, settings{"name": "a", "value": "2"}},
		}},
		"metrics":                              {metrics(), nil},
		"metrics as otlp_json":                 {metrics(), with("metrics", settings{"encoding": "otlp_json"})},
		"metrics by resource":                  {metrics(), settings{"partition_metrics_by_resource_attributes": true}},
		"metrics by resource as json":          {metrics(), settings{"partition_metrics_by_resource_attributes": true, "metrics": settings{"encoding": "otlp_json"}}},
		"metrics, topic by attribute":          {metrics(), settings{"topic_from_attribute": "topic", "partition_metrics_by_resource_attributes": true}},
		"logs":                                 {manyLogs, nil},
		"logs as otlp_json":                    {manyLogs, with("logs", settings{"encoding": "otlp_json"})},
		"logs as raw":                          {manyLogs, with("logs", settings{"encoding": "raw"})},
		"logs as raw by resource":              {manyLogs, settings{"partition_logs_by_resource_attributes": true, "logs": settings{"encoding": "raw"}}},
		"logs as raw by trace":                 {fewLogs, settings{"partition_logs_by_trace_id": true, "logs": settings{"encoding": "raw"}}},
		"logs by resource":                     {manyLogs, settings{"partition_logs_by_resource_attributes": true}},
		"logs by trace":                        {fewLogs, settings{"partition_logs_by_trace_id": true}},
		"logs, topic by attribute":             {manyLogs, settings{"topic_from_attribute": "topic"}},
		"logs, key by metadata":                {manyLogs, with("logs", settings{"message_key_from_metadata_key": "tenant"})},
		"profiles":                             {profiles(), nil},
		"metrics by an extension":              {metrics(), with("metrics", settings{"encoding": "reverse"})},
		"metrics by resource, by an extension": {metrics(), settings{"partition_metrics_by_resource_attributes": true, "metrics": settings{"encoding": "reverse"}}},
		"logs by an extension":                 {manyLogs, with("logs", settings{"encoding": "reverse"})},
		"logs by trace, by an extension":       {fewLogs, settings{"partition_logs_by_trace_id": true, "logs": settings{"encoding": "reverse"}}},
		"profiles by an extension":             {profiles(), with("profiles", settings{"encoding": "reverse"})},
		"traces as zipkin_proto":               {oneTag(), with("traces", settings{"encoding": "zipkin_proto"})},
		"profiles as otlp_json":                {profiles(), with("profiles", settings{"encoding": "otlp_json"})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			theirs := export(t, contrib.NewFactory(), test.settings, extensions, test.data)
			require.NotEmpty(t, theirs)
			require.Equal(t, theirs, export(t, ours.NewFactory(), test.settings, extensions, test.data))
		})
	}
}

func TestExtensionsThatCannotPartitionAreRefusedAtStart(t *testing.T) {
	for id, want := range map[string]string{
		"missing": `"missing": no such extension is running`,
		"reverse": `"reverse": the extension is no partitioner of records`,
		"backup":  `"backup": the partitioner asks for the buffers of franz-go's client`,
	} {
		cfg := ours.NewFactory().CreateDefaultConfig()
		require.NoError(t, confmap.NewFromStringMap(settings{"record_partitioner": settings{"extension": id}}).Unmarshal(cfg))
		e, _ := create(t, ours.NewFactory(), cfg, traces(1, 1))
		err := e.Start(t.Context(), host{component.MustNewID("reverse"): reverse{}, component.MustNewID("backup"): backup{}})
		require.ErrorContains(t, err, want)
		require.NoError(t, e.Shutdown(t.Context()))
	}
}

// TestRoundRobinGivesEachPartitionItsTurn, whatever the keys; contrib's begins at chance.
func TestRoundRobinGivesEachPartitionItsTurn(t *testing.T) {
	records := export(t, ours.NewFactory(), settings{
		"record_partitioner": settings{"round_robin": settings{}}, "traces": settings{"encoding": "jaeger_proto"},
	}, nil, traces(1, 2*partitions))
	seen := map[string]int{}
	for _, r := range records {
		seen[r[:len("otlp_spans/0")]]++
	}
	require.Len(t, seen, partitions)
	for place, count := range seen {
		require.Equal(t, 2, count, place)
	}
}
