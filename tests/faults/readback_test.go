// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// readBack reads a topic from beginning to end with franz-go.
func readBack(t *testing.T, brokers []string, opts ...kgo.Opt) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testDeadline)
	defer cancel()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	require.NoError(t, err)
	defer client.Close()
	left := endOffsets(ctx, t, client)
	var records []*kgo.Record
	for left > 0 {
		fetches := client.PollFetches(ctx)
		require.NoError(t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) { records = append(records, r) })
		left -= int64(fetches.NumRecords())
	}
	return records
}

// endOffsets returns the sum of the end offsets of the topic's partitions: the number of records ever appended.
func endOffsets(ctx context.Context, t *testing.T, client *kgo.Client) int64 {
	t.Helper()
	ask := kmsg.NewPtrMetadataRequest()
	askTopic := kmsg.NewMetadataRequestTopic()
	askTopic.Topic = kmsg.StringPtr(topic)
	ask.Topics = append(ask.Topics, askTopic)
	layout, err := ask.RequestWith(ctx, client)
	require.NoError(t, err)
	require.Len(t, layout.Topics, 1)

	offsets := kmsg.NewPtrListOffsetsRequest()
	offsetsTopic := kmsg.NewListOffsetsRequestTopic()
	offsetsTopic.Topic = topic
	for _, p := range layout.Topics[0].Partitions {
		part := kmsg.NewListOffsetsRequestTopicPartition()
		part.Partition, part.Timestamp = p.Partition, -1
		offsetsTopic.Partitions = append(offsetsTopic.Partitions, part)
	}
	offsets.Topics = append(offsets.Topics, offsetsTopic)
	sum := int64(0)
	for _, shard := range client.RequestSharded(ctx, offsets) {
		require.NoError(t, shard.Err)
		answer, ok := shard.Resp.(*kmsg.ListOffsetsResponse)
		require.True(t, ok)
		for _, p := range answer.Topics[0].Partitions {
			require.Zero(t, p.ErrorCode)
			sum += p.Offset
		}
	}
	return sum
}

// countSpans returns how often each span id is in the records.
func countSpans(t *testing.T, records []*kgo.Record) map[pcommon.SpanID]int {
	t.Helper()
	counts := make(map[pcommon.SpanID]int)
	for _, r := range records {
		td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(r.Value)
		require.NoError(t, err)
		for _, rs := range td.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, span := range ss.Spans().All() {
					counts[span.SpanID()]++
				}
			}
		}
	}
	return counts
}

// requireExactlyOnce reads the topic back and requires every span of requests 0 to count-1 in it, once.
func requireExactlyOnce(t *testing.T, brokers []string, requests int, opts ...kgo.Opt) []*kgo.Record {
	t.Helper()
	records := readBack(t, brokers, opts...)
	missing, twice := compare(countSpans(t, records), requests)
	require.Empty(t, missing, "spans that were accepted but are not in the topic")
	require.Empty(t, twice, "spans that are in the topic more than once")
	return records
}

// compare returns the spans that are missing and those that are there more than once.
func compare(counts map[pcommon.SpanID]int, requests int) (missing, twice []pcommon.SpanID) {
	for n := range requests * spansEach {
		switch count := counts[spanID(n)]; {
		case count == 0:
			missing = append(missing, spanID(n))
		case count > 1:
			twice = append(twice, spanID(n))
		}
	}
	return missing, twice
}
