// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package operation

import (
	"net"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/collector/component/componentstatus"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// absentBroker returns where a broker may come.
func absentBroker(t *testing.T) (addrs []string, port int) {
	t.Helper()
	addrs, err := harness.FreeAddrs(1)
	require.NoError(t, err)
	_, text, err := net.SplitHostPort(addrs[0])
	require.NoError(t, err)
	port, err = strconv.Atoi(text)
	require.NoError(t, err)
	return addrs, port
}

// TestTheStatusFollowsTheBroker is recoverable before it is there, OK when it comes, recoverable when it goes, OK again.
func TestTheStatusFollowsTheBroker(t *testing.T) {
	addrs, port := absentBroker(t)
	h := newHost()
	e, _ := start(t, addrs, settings{"retry_on_failure": map[string]any{"initial_interval": "10ms", "max_interval": "50ms", "max_elapsed_time": "0s"}}, h)
	require.ErrorContains(t, h.await(t, componentstatus.StatusRecoverableError).Err(), "connection refused")
	for range 3 {
		sent := make(chan error, 1)
		go func() { sent <- e.ConsumeLogs(t.Context(), lines(1)) }()
		cluster := startCluster(t, kfake.Ports(port))
		require.NoError(t, <-sent)
		h.await(t, componentstatus.StatusOK)
		cluster.Close()
		h.await(t, componentstatus.StatusRecoverableError)
	}
}

// TestTheStatusFollowsTheBrokerOfWhoHasNothingToSend: nothing else tells that the broker has come.
func TestTheStatusFollowsTheBrokerOfWhoHasNothingToSend(t *testing.T) {
	addrs, port := absentBroker(t)
	h := newHost()
	start(t, addrs, nil, h)
	h.await(t, componentstatus.StatusRecoverableError)
	startCluster(t, kfake.Ports(port))
	h.await(t, componentstatus.StatusOK)
}

// TestWhatNeedsSomebodyIsPermanent: a missing right, and another producer in our place.
func TestWhatNeedsSomebodyIsPermanent(t *testing.T) {
	for name, test := range map[string]struct {
		code int16
		want string
	}{
		"a missing right":  {29, "topic_authorization_failed"},
		"another producer": {90, "producer_fenced"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t)
			cluster.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
				return answerAll(request.(*kmsg.ProduceRequest), test.code), nil, true
			})
			h := newHost()
			e, _ := start(t, cluster.ListenAddrs(), nil, h)
			require.ErrorContains(t, e.ConsumeLogs(t.Context(), lines(1)), test.want)
			require.ErrorContains(t, h.await(t, componentstatus.StatusPermanentError).Err(), test.want)
		})
	}
}

// answerAll answers a code for every batch.
func answerAll(produce *kmsg.ProduceRequest, code int16) *kmsg.ProduceResponse {
	response := produce.ResponseKind().(*kmsg.ProduceResponse)
	for _, asked := range produce.Topics {
		answered := kmsg.NewProduceResponseTopic()
		answered.Topic = asked.Topic
		for _, p := range asked.Partitions {
			result := kmsg.NewProduceResponseTopicPartition()
			result.Partition, result.ErrorCode = p.Partition, code
			answered.Partitions = append(answered.Partitions, result)
		}
		response.Topics = append(response.Topics, answered)
	}
	return response
}

// TestALoginThatIsRefusedIsPermanentAndTriedAgain: the Collector knows no way back from a permanent error, but what was
// waiting arrives when the broker has changed its mind.
func TestALoginThatIsRefusedIsPermanentAndTriedAgain(t *testing.T) {
	cluster := startCluster(t)
	cluster.ControlKey(int16(kmsg.SASLHandshake), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		response := request.ResponseKind().(*kmsg.SASLHandshakeResponse)
		response.SupportedMechanisms = []string{"PLAIN"}
		return response, nil, true
	})
	var welcome atomic.Bool
	cluster.ControlKey(int16(kmsg.SASLAuthenticate), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		response := request.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		if !welcome.Load() {
			response.ErrorCode, response.ErrorMessage = 58, kmsg.StringPtr("no such user")
		}
		return response, nil, true
	})
	h := newHost()
	e, _ := start(t, cluster.ListenAddrs(), settings{
		"auth":             map[string]any{"sasl": map[string]any{"mechanism": "PLAIN", "username": "alice", "password": "secret"}},
		"retry_on_failure": map[string]any{"initial_interval": "10ms", "max_interval": "50ms", "max_elapsed_time": "0s"},
	}, h)
	sent := make(chan error, 1)
	go func() { sent <- e.ConsumeLogs(t.Context(), lines(1)) }()
	require.ErrorContains(t, h.await(t, componentstatus.StatusPermanentError).Err(), "sasl_authentication_failed (58): no such user")
	welcome.Store(true)
	require.NoError(t, <-sent)
	require.Equal(t, int64(1), cluster.PartitionInfo(topic, 0).HighWatermark)
	require.Empty(t, h.events)
}
