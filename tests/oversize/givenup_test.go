// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package oversize

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// refuseLate makes the exporter give up a request of one line while the broker has its batch, which the broker then refuses
// for its size.
func refuseLate(t *testing.T, cluster *kfake.Cluster, e running) {
	t.Helper()
	require.NoError(t, e.ConsumeLogs(t.Context(), numbered(1, 10)))
	ctx, cancel := context.WithCancel(t.Context())
	lowered := make(chan struct{})
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.DropControl()
		cancel()
		cluster.SleepControl(func() { <-lowered })
		return nil, nil, false
	})
	require.ErrorIs(t, e.ConsumeLogs(ctx, numbered(1000, 3*limit)), context.Canceled)
	takeOnly(t, cluster.ListenAddrs(), topic, limit)
	close(lowered)
}

// TestDeadLettersOfARequestThatWasGivenUpArrive: what could not be cut was found out when nobody asked for it any more.
func TestDeadLettersOfARequestThatWasGivenUpArrive(t *testing.T) {
	cluster := startCluster(t, 1_000_000)
	e := start(t, cluster, settings{"dead_letter_topic": dead, "producer": settings{"linger": "0s"}})
	refuseLate(t, cluster, e)
	require.Eventually(t, func() bool {
		return len(read(t, cluster, dead)) > 0
	}, 30*time.Second, 10*time.Millisecond)
	assert.Equal(t, map[int64]int{1000: 1}, numbers(t, "otlp_proto", read(t, cluster, dead)))
	assert.Equal(t, map[int64]int{1: 1}, numbers(t, "otlp_proto", read(t, cluster, topic)))
	require.Eventually(t, func() bool {
		letters, _ := e.counted(t, "otelcol_kafka_exporter_dead_letters")
		return letters == 1
	}, 30*time.Second, 10*time.Millisecond)
	dropped, _ := e.counted(t, "otelcol_kafka_exporter_dropped_records")
	assert.Zero(t, dropped)
}

// TestDeadLettersThatDoNotArriveAreNotCountedAsSuch: the request is too large from the beginning, and given up because there is
// no dead-letter topic.
func TestDeadLettersThatDoNotArriveAreNotCountedAsSuch(t *testing.T) {
	cluster := startCluster(t, limit)
	e := start(t, cluster, settings{
		"dead_letter_topic": "nowhere", "timeout": "5s", "producer": settings{"allow_auto_topic_creation": false},
	})
	require.ErrorIs(t, e.ConsumeLogs(t.Context(), numbered(1, 10, 3*limit)), context.DeadlineExceeded)
	assert.Equal(t, map[int64]int{1: 1}, numbers(t, "otlp_proto", read(t, cluster, topic)), "what fits has arrived")
	letters, _ := e.counted(t, "otelcol_kafka_exporter_dead_letters")
	assert.Zero(t, letters)
}

// TestDeadLettersOfARequestThatWasGivenUpAreCountedIfTheyCannotArrive: there is no such topic.
func TestDeadLettersOfARequestThatWasGivenUpAreCountedIfTheyCannotArrive(t *testing.T) {
	cluster := startCluster(t, 1_000_000)
	e := start(t, cluster, settings{
		"dead_letter_topic": "nowhere", "timeout": "5s",
		"producer": settings{"linger": "0s", "allow_auto_topic_creation": false},
	})
	refuseLate(t, cluster, e)
	require.Eventually(t, func() bool {
		dropped, _ := e.counted(t, "otelcol_kafka_exporter_dropped_records")
		return dropped == 1
	}, 60*time.Second, 10*time.Millisecond)
	_, attributes := e.counted(t, "otelcol_kafka_exporter_dropped_records")
	assert.Contains(t, attributes, "reason=timed_out")
	assert.Contains(t, attributes, "topic=nowhere")
}
