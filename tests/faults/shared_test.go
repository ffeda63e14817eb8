// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// sharing are settings with which small requests share batches, as they do by default.
func sharing(brokers []string, more map[string]any) map[string]any {
	all := settings(brokers, more)
	all["producer"] = map[string]any{"linger": "10ms"}
	return all
}

func TestSmallRequestsShareProduceRequests(t *testing.T) {
	const requests = 200
	cluster := startCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(4, topic))
	var produced atomic.Int32
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		produced.Add(1)
		return nil, nil, false
	})
	sendAll(t, startExporter(t, sharing(cluster.ListenAddrs(), nil)), requests)
	require.Less(t, produced.Load(), int32(requests/2))
	require.Len(t, requireExactlyOnce(t, cluster.ListenAddrs(), requests), requests)
}

func TestSharedBatchesAreInTheTopicOnceWhenTheConnectionIsCut(t *testing.T) {
	const requests = 150
	for at := range cuts {
		t.Run(at.String(), func(t *testing.T) {
			t.Parallel()
			shears := &scissors{}
			shears.arm(at, 3, 6)
			cluster := startCluster(t, kfake.NumBrokers(1), kfake.ListenFn(shears.listen), kfake.SeedTopics(4, topic))
			exp := startExporter(t, sharing(cluster.ListenAddrs(), map[string]any{"partition_traces_by_id": true}))
			sendAll(t, exp, requests)
			require.GreaterOrEqual(t, shears.made(), 3, "the connection was hardly ever cut: this test tests nothing")
			shears.arm(at, 0, 0)
			requireExactlyOnce(t, cluster.ListenAddrs(), requests)
		})
	}
}

// All members of a lot run out of time while the broker sleeps, and find it again when they retry.
func TestSharedBatchesOutliveTheirMembersTimeouts(t *testing.T) {
	const requests = 40
	cluster := startCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
	release := make(chan struct{})
	var slow atomic.Int32
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if slow.Add(1)%2 == 0 {
			cluster.SleepControl(func() { <-release })
		}
		return nil, nil, false
	})
	exp := startExporter(t, sharing(cluster.ListenAddrs(), map[string]any{"timeout": "150ms"}))
	go func() {
		defer close(release)
		wait, cancel := context.WithTimeout(context.Background(), 400*time.Millisecond)
		defer cancel()
		<-wait.Done()
	}()
	sendAll(t, exp, requests)
	requireExactlyOnce(t, cluster.ListenAddrs(), requests)
}
