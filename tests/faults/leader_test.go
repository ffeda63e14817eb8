// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"net"
	"strconv"
	"sync"
	"sync/atomic"
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

// TestPartitionsWithoutALeaderGetOneLater: the broker stops to lead, and for a while nobody does.
func TestPartitionsWithoutALeaderGetOneLater(t *testing.T) {
	const requests, leaderless = 60, 4
	cluster := startCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(2, topic))
	exp := startExporter(t, settings(cluster.ListenAddrs(), map[string]any{"partition_traces_by_id": true}))
	sendAll(t, exp, 1) // so that the exporter knows the partitions
	var asked atomic.Int32
	cluster.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: kerr.NotLeaderForPartition, Count: -1,
		When: func(kmsg.Request) bool { return asked.Load() <= leaderless },
	})
	host, text, err := net.SplitHostPort(cluster.ListenAddrs()[0])
	require.NoError(t, err)
	port, err := strconv.ParseInt(text, 10, 32)
	require.NoError(t, err)
	cluster.ControlKey(int16(kmsg.Metadata), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if asked.Add(1) > leaderless {
			return nil, nil, false
		}
		response := r.ResponseKind().(*kmsg.MetadataResponse)
		response.Brokers = []kmsg.MetadataResponseBroker{{Host: host, Port: int32(port)}}
		answer := kmsg.NewMetadataResponseTopic()
		answer.Topic = kmsg.StringPtr(topic)
		for index := range int32(2) {
			p := kmsg.NewMetadataResponseTopicPartition()
			p.Partition, p.Leader, p.ErrorCode = index, -1, kerr.LeaderNotAvailable.Code
			answer.Partitions = append(answer.Partitions, p)
		}
		response.Topics = append(response.Topics, answer)
		return response, nil, true
	})
	sendAll(t, exp, requests)
	require.Greater(t, asked.Load(), int32(leaderless))
	// Request 0 was sent twice.
	missing, twice := compare(countSpans(t, readBack(t, cluster.ListenAddrs())), requests)
	require.Empty(t, missing)
	require.Len(t, twice, spansEach)
}

// TestABrokerThatNeverAnswersIsPassedOver: the first address accepts connections, and that is all.
func TestABrokerThatNeverAnswersIsPassedOver(t *testing.T) {
	const requests = 20
	silent, err := net.Listen("tcp4", "127.0.0.1:0") // the kernel accepts what nobody takes
	require.NoError(t, err)
	defer func() { require.NoError(t, silent.Close()) }()
	cluster := startCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(2, topic))
	exp := startExporter(t, settings(append([]string{silent.Addr().String()}, cluster.ListenAddrs()...), map[string]any{"timeout": impatience}))
	sendAll(t, exp, requests)
	requireExactlyOnce(t, cluster.ListenAddrs(), requests)
}
