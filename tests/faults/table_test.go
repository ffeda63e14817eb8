// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	saslplain "github.com/twmb/franz-go/pkg/sasl/plain"
	"go.opentelemetry.io/collector/consumer/consumererror"
)

// sentRequest is a type of request that the exporter sends, and the errors that brokers answer to it. Besides, every type
// meets with every step.
type sentRequest struct {
	key kmsg.Key
	// every n-th request of the type has the fault, until there were so many faults. What is sent once in a while fails at
	// once, and as often as it is tried again.
	every, faults int
	// timeout is the exporter's, "" means impatience; late is longer than what the exporter then waits for an answer.
	timeout string
	late    time.Duration
	// topLevel says where the error code stands: with the whole answer, or with each topic, partition or resource.
	topLevel bool
	// before are answered instead of doing what was asked, after are answered although it was done. The exporter gets over
	// all of them.
	before, after []*kerr.Error
	// fatal are passed on to whoever sends.
	fatal []*kerr.Error
}

// sentRequests is every type of request that the exporter sends. TestTheTableIsComplete fails if one is missing.
// There are no coordinators to move: the exporter asks any broker for a producer id, and sends no transactions.
var sentRequests = []sentRequest{
	{
		key: kmsg.ApiVersions, every: 1, faults: 3, topLevel: true,
		before: []*kerr.Error{kerr.UnsupportedVersion, kerr.UnknownServerError},
		after:  []*kerr.Error{kerr.UnsupportedVersion},
	},
	{
		key: kmsg.SASLHandshake, every: 1, faults: 3, topLevel: true,
		before: []*kerr.Error{kerr.IllegalSaslState, kerr.UnsupportedSaslMechanism},
		after:  []*kerr.Error{kerr.IllegalSaslState},
	},
	{
		key: kmsg.SASLAuthenticate, every: 1, faults: 3, topLevel: true,
		before: []*kerr.Error{kerr.IllegalSaslState, kerr.SaslAuthenticationFailed, kerr.UnknownServerError},
		after:  []*kerr.Error{kerr.IllegalSaslState, kerr.SaslAuthenticationFailed},
	},
	{
		key: kmsg.Metadata, every: 1, faults: 3,
		before: []*kerr.Error{kerr.LeaderNotAvailable, kerr.UnknownTopicOrPartition, kerr.UnknownServerError, kerr.RequestTimedOut},
		after:  []*kerr.Error{kerr.LeaderNotAvailable, kerr.ListenerNotFound, kerr.ReplicaNotAvailable},
		fatal:  []*kerr.Error{kerr.TopicAuthorizationFailed, kerr.InvalidTopicException},
	},
	{
		key: kmsg.InitProducerID, every: 1, faults: 3, topLevel: true,
		before: []*kerr.Error{
			kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable, kerr.NotCoordinator, kerr.ConcurrentTransactions,
			kerr.RequestTimedOut, kerr.UnknownServerError,
		},
		after: []*kerr.Error{kerr.RequestTimedOut},
		fatal: []*kerr.Error{kerr.ClusterAuthorizationFailed},
	},
	{
		// Without an answer the exporter does not know the topic's limit, and goes by its own. It gives the question a quarter
		// of its timeout, in which it also has to connect.
		key: kmsg.DescribeConfigs, every: 1, faults: 1, timeout: "4s", late: 1500 * time.Millisecond,
		before: []*kerr.Error{kerr.TopicAuthorizationFailed, kerr.UnknownTopicOrPartition, kerr.UnknownServerError},
		after:  []*kerr.Error{kerr.RequestTimedOut},
	},
	{
		key: kmsg.Produce, every: 5, faults: 6,
		before: []*kerr.Error{
			kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.UnknownTopicOrPartition, kerr.FencedLeaderEpoch,
			kerr.NotEnoughReplicas, kerr.KafkaStorageError, kerr.CorruptMessage, kerr.ThrottlingQuotaExceeded,
			kerr.UnknownProducerID, kerr.OutOfOrderSequenceNumber, kerr.InvalidProducerEpoch, kerr.InvalidProducerIDMapping,
			kerr.UnknownServerError,
		},
		after: []*kerr.Error{
			kerr.RequestTimedOut, kerr.NotEnoughReplicasAfterAppend, kerr.NotLeaderForPartition, kerr.LeaderNotAvailable,
			kerr.KafkaStorageError, kerr.DuplicateSequenceNumber, kerr.UnknownServerError,
		},
		fatal: []*kerr.Error{
			kerr.TopicAuthorizationFailed, kerr.InvalidRecord, kerr.PolicyViolation,
			kerr.UnsupportedCompressionType, kerr.ProducerFenced,
		},
	},
}

const (
	user     = "alice"
	password = "battery staple"
	// impatience is the exporter's timeout, so that what does not answer is noticed soon. Lateness is more.
	impatience = "300ms"
	lateness   = 450 * time.Millisecond
)

// secured is a broker that asks for a password, so that all types of requests are sent to it.
func secured(t *testing.T, shears *scissors) *kfake.Cluster {
	t.Helper()
	return startCluster(t, kfake.NumBrokers(1), kfake.ListenFn(shears.listen), kfake.SeedTopics(2, topic),
		kfake.EnableSASL(), kfake.Superuser("PLAIN", user, password))
}

func securedSettings(brokers []string, timeout string) map[string]any {
	return settings(brokers, map[string]any{
		"timeout": timeout, "partition_traces_by_id": true,
		"auth": map[string]any{"sasl": map[string]any{"mechanism": "PLAIN", "username": user, "password": password}},
	})
}

// requireOnceDespite sends payloads while the shears do their work, and requires every span in the topic once.
func (r sentRequest) requireOnceDespite(t *testing.T, shears *scissors, cluster *kfake.Cluster, faults func() int) {
	t.Helper()
	const requests = 60
	exp := startExporter(t, securedSettings(cluster.ListenAddrs(), cmp.Or(r.timeout, impatience)))
	sendAll(t, exp, requests)
	require.Positive(t, faults(), "there was no fault: this test tests nothing")
	shears.arm(0, 0, 0)
	requireExactlyOnce(t, cluster.ListenAddrs(), requests, kgo.SASL(saslplain.Auth{User: user, Pass: password}.AsMechanism()))
}

func TestEveryRequestIsCutOrLeftWithoutAnAnswerAtEveryStep(t *testing.T) {
	for _, sent := range sentRequests {
		for at := range steps {
			if at == cuts {
				continue // no step
			}
			t.Run(sent.key.Name()+"/"+at.String(), func(t *testing.T) {
				t.Parallel()
				shears := &scissors{late: cmp.Or(sent.late, lateness)}
				shears.armFor(sent.key, fault{at: at}, sent.every, sent.faults)
				sent.requireOnceDespite(t, shears, secured(t, shears), shears.made)
			})
		}
	}
}

func TestEveryRequestIsAnsweredEveryErrorThatPasses(t *testing.T) {
	for _, sent := range sentRequests {
		for _, failure := range sent.before {
			t.Run(sent.key.Name()+"/before/"+failure.Message, func(t *testing.T) {
				t.Parallel()
				shears := &scissors{}
				cluster := secured(t, shears)
				handle := cluster.Fault(sent.fault(failure, sent.faults))
				sent.requireOnceDespite(t, shears, cluster, handle.Hits)
			})
		}
		for _, failure := range sent.after {
			t.Run(sent.key.Name()+"/after/"+failure.Message, func(t *testing.T) {
				t.Parallel()
				shears := &scissors{}
				shears.armFor(sent.key, fault{wrongAnswer, failure.Code}, sent.every, sent.faults)
				sent.requireOnceDespite(t, shears, secured(t, shears), shears.made)
			})
		}
	}
}

// fault makes kfake answer an error so often instead of doing what it was asked for.
func (r sentRequest) fault(failure *kerr.Error, count int) kfake.Fault {
	seen := 0
	return kfake.Fault{
		Keys: []kmsg.Key{r.key}, TopLevel: r.topLevel, Err: failure, Count: count,
		When: func(kmsg.Request) bool {
			seen++
			return seen%r.every == 0
		},
	}
}

// TestErrorsThatDoNotPassAreTheSenders: the sender is told at once, and nothing is in the topic.
func TestErrorsThatDoNotPassAreTheSenders(t *testing.T) {
	for _, sent := range sentRequests {
		for _, failure := range sent.fatal {
			t.Run(sent.key.Name()+"/"+failure.Message, func(t *testing.T) {
				t.Parallel()
				shears := &scissors{}
				cluster := secured(t, shears)
				always := sent
				always.every = 1
				cluster.Fault(always.fault(failure, -1))
				exp := startExporter(t, securedSettings(cluster.ListenAddrs(), impatience))
				ctx, cancel := context.WithTimeout(t.Context(), testDeadline)
				defer cancel()
				err := exp.ConsumeTraces(ctx, request(0))
				require.True(t, consumererror.IsPermanent(err), err)
				require.ErrorContains(t, err, "("+strconv.Itoa(int(failure.Code))+")")
				for _, partition := range cluster.PartitionInfos(topic) {
					require.Zero(t, partition.HighWatermark)
				}
			})
		}
	}
}

func TestTheTableIsComplete(t *testing.T) {
	shears := &scissors{}
	cluster := secured(t, shears)
	sendAll(t, startExporter(t, securedSettings(cluster.ListenAddrs(), "4s")), 20)
	var listed []kmsg.Key
	for _, sent := range sentRequests {
		listed = append(listed, sent.key)
	}
	slices.Sort(listed)
	require.Equal(t, listed, shears.types(), "requests listed in sentRequests, and those that the exporter sent")
}
