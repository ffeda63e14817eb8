// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
)

func startCluster(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(opts...)
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	return cluster
}

func TestEverySpanIsInTheTopicOnceWhenTheConnectionIsCut(t *testing.T) {
	const requests = 150
	for at := range cuts {
		for _, partitions := range []int32{1, 4} {
			for _, every := range []int{2, 7} {
				t.Run(fmt.Sprintf("%s/%d partitions/every %d", at, partitions, every), func(t *testing.T) {
					t.Parallel()
					shears := &scissors{}
					shears.arm(at, every, 8)
					cluster := startCluster(t, kfake.NumBrokers(1), kfake.ListenFn(shears.listen), kfake.SeedTopics(partitions, topic))
					exp := startExporter(t, settings(cluster.ListenAddrs(), map[string]any{"partition_traces_by_id": partitions > 1}))
					sendAll(t, exp, requests)
					require.GreaterOrEqual(t, shears.made(), 3, "the connection was hardly ever cut: this test tests nothing")
					shears.arm(at, 0, 0)
					requireExactlyOnce(t, cluster.ListenAddrs(), requests)
				})
			}
		}
	}
}

// The tests above must be able to fail: without idempotence a lost answer leads to a duplicate, and they would see it.
func TestALostAnswerDuplicatesWithoutIdempotence(t *testing.T) {
	const requests = 30
	shears := &scissors{}
	shears.arm(afterAppend, 5, 3)
	cluster := startCluster(t, kfake.NumBrokers(1), kfake.ListenFn(shears.listen), kfake.SeedTopics(1, topic))
	exp := startExporter(t, settings(cluster.ListenAddrs(), map[string]any{
		"producer": map[string]any{"delivery": "at_least_once", "linger": "0s"},
	}))
	sendAll(t, exp, requests)
	require.Equal(t, 3, shears.made())
	shears.arm(afterAppend, 0, 0)
	missing, twice := compare(countSpans(t, readBack(t, cluster.ListenAddrs())), requests)
	require.Empty(t, missing)
	require.NotEmpty(t, twice)
}
