// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// A broker may find too large what it said it would take. The batch is cut, and its pieces and successors are there once.
func TestABatchThatIsTooLargeIsCutAndItsSuccessorsFollow(t *testing.T) {
	const requests = 60
	cluster := startCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
	exp := startExporter(t, settings(cluster.ListenAddrs(), nil))
	require.NoError(t, exp.ConsumeTraces(t.Context(), request(0)))
	handle := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: kerr.MessageTooLarge})
	for n := range requests - 1 {
		require.NoError(t, exp.ConsumeTraces(t.Context(), request(n+1)))
	}
	require.Equal(t, 1, handle.Hits())
	requireExactlyOnce(t, cluster.ListenAddrs(), requests)
}

// A span that cannot be cut is refused, and what comes after it is not.
func TestABatchOfOneSpanThatIsTooLargeIsRefused(t *testing.T) {
	const requests = 60
	cluster := startCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
	exp := startExporter(t, settings(cluster.ListenAddrs(), nil))
	sendAll(t, exp, requests/2)
	handle := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: kerr.MessageTooLarge})
	alone := request(requests)
	alone.ResourceSpans().At(0).ScopeSpans().At(0).Spans().RemoveIf(func(s ptrace.Span) bool {
		return s.SpanID() != spanID(requests*spansEach)
	})
	err := exp.ConsumeTraces(t.Context(), alone)
	require.ErrorContains(t, err, "cannot be cut")
	require.True(t, consumererror.IsPermanent(err))
	require.Equal(t, 1, handle.Hits())
	for n := requests / 2; n < requests; n++ {
		require.NoError(t, exp.ConsumeTraces(t.Context(), request(n)))
	}
	requireExactlyOnce(t, cluster.ListenAddrs(), requests)
}

func TestWithoutTheRightToWriteTheErrorIsPermanent(t *testing.T) {
	cluster := startCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: kerr.TopicAuthorizationFailed, Count: -1})
	exp := startExporter(t, settings(cluster.ListenAddrs(), nil))
	err := exp.ConsumeTraces(t.Context(), request(0))
	require.ErrorContains(t, err, "topic_authorization_failed")
	require.True(t, consumererror.IsPermanent(err))
}

// A broker that appends but answers later than the attempt may take must not get the spans twice: the next attempt of
// the request finds its batches with the producer.
func TestASlowBrokerDoesNotCauseDuplicates(t *testing.T) {
	const requests = 40
	cluster := startCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
	release := make(chan struct{})
	slow := 0
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if slow++; slow%10 == 0 {
			cluster.SleepControl(func() { <-release })
		}
		return nil, nil, false
	})
	all := settings(cluster.ListenAddrs(), map[string]any{"timeout": "150ms"})
	exp := startExporter(t, all)
	go func() {
		defer close(release)
		wait, cancel := context.WithTimeout(context.Background(), 400*time.Millisecond)
		defer cancel()
		<-wait.Done()
	}()
	sendAll(t, exp, requests)
	requireExactlyOnce(t, cluster.ListenAddrs(), requests)
}
