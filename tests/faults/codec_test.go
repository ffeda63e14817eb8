// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
)

func TestEveryCodecIsReadByAnotherClient(t *testing.T) {
	const requests = 40
	for codec, number := range map[string]uint8{"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4} {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(3, topic))
			exp := startExporter(t, settings(cluster.ListenAddrs(), map[string]any{
				"partition_traces_by_id": true, "producer": map[string]any{"compression": codec},
			}))
			sendAll(t, exp, requests)
			for _, r := range requireExactlyOnce(t, cluster.ListenAddrs(), requests) {
				require.Equal(t, number, r.Attrs.CompressionType())
				require.Len(t, r.Key, 32, "a trace id in hexadecimal")
			}
		})
	}
}

func TestSpansOfATraceShareAPartition(t *testing.T) {
	const requests = 60
	cluster := startCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(5, topic))
	exp := startExporter(t, settings(cluster.ListenAddrs(), map[string]any{"partition_traces_by_id": true}))
	sendAll(t, exp, requests)
	partitions, used := make(map[string]int32), make(map[int32]bool)
	for _, r := range requireExactlyOnce(t, cluster.ListenAddrs(), requests) {
		used[r.Partition] = true
		if p, known := partitions[string(r.Key)]; known {
			require.Equal(t, p, r.Partition, "trace %s", r.Key)
		}
		partitions[string(r.Key)] = r.Partition
	}
	require.Len(t, used, 5, "all partitions are used")
}
