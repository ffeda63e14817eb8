// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestEverySpanIsInTheTopicOnceWhileLeadersMove(t *testing.T) {
	const requests, moves = 300, 20
	cluster := startCluster(t, kfake.NumBrokers(3), kfake.SeedTopics(4, topic))
	exp := startExporter(t, settings(cluster.ListenAddrs(), map[string]any{"partition_traces_by_id": true}))
	refused := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Observe: true, Count: -1})
	stop := make(chan struct{})
	var moving sync.WaitGroup
	moving.Go(func() {
		for n := range moves {
			// The next move comes when the exporter has found the leaders again.
			if err := refused.Wait(t.Context(), (n+1)*5); err != nil {
				return
			}
			select {
			case <-stop:
				return
			default:
				cluster.ShufflePartitionLeaders()
			}
		}
	})
	sendAll(t, exp, requests)
	close(stop)
	refused.Remove()
	moving.Wait()
	requireExactlyOnce(t, cluster.ListenAddrs(), requests)
}

func TestATopicThatDoesNotExistIsCreatedByTheBroker(t *testing.T) {
	cluster := startCluster(t, kfake.NumBrokers(1), kfake.AllowAutoTopicCreation())
	exp := startExporter(t, settings(cluster.ListenAddrs(), nil))
	sendAll(t, exp, 10)
	requireExactlyOnce(t, cluster.ListenAddrs(), 10)
}

func TestWithoutTheTopicAnAttemptEndsWithTheReason(t *testing.T) {
	cluster := startCluster(t, kfake.NumBrokers(1))
	exp := startExporter(t, settings(cluster.ListenAddrs(), map[string]any{
		"timeout": "200ms", "retry_on_failure": map[string]any{"enabled": false},
		"producer": map[string]any{"allow_auto_topic_creation": false},
	}))
	err := exp.ConsumeTraces(t.Context(), request(0))
	require.ErrorContains(t, err, topic)
	require.ErrorContains(t, err, "unknown_topic_or_partition")
}

func TestTheStateOfAnIdentityThatTheClusterRefusesIsTheReason(t *testing.T) {
	cluster := startCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, TopLevel: true, Err: kerr.ClusterAuthorizationFailed, Count: -1})
	exp := startExporter(t, settings(cluster.ListenAddrs(), nil))
	require.ErrorContains(t, exp.ConsumeTraces(t.Context(), request(0)), "cluster_authorization_failed")
}
