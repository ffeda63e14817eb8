// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package oversize

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/collector/pdata/plog"
)

// takeOnly lowers the topic's limit.
func takeOnly(t *testing.T, brokers []string, topic string, most int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	require.NoError(t, err)
	defer client.Close()
	setting := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	setting.Name, setting.Value = "max.message.bytes", kmsg.StringPtr(strconv.Itoa(most))
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	resource.Configs = append(resource.Configs, setting)
	request := kmsg.NewPtrIncrementalAlterConfigsRequest()
	request.Resources = append(request.Resources, resource)
	response, err := client.Request(t.Context(), request)
	require.NoError(t, err)
	for _, answer := range response.(*kmsg.IncrementalAlterConfigsResponse).Resources {
		require.Zero(t, answer.ErrorCode)
	}
}

// numbered makes logs whose lines begin with a number, so that those of several requests can be told apart.
func numbered(first int, sizes ...int) plog.Logs {
	ld := plog.NewLogs()
	records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	random := rand.New(rand.NewPCG(uint64(first), 3))
	for i, size := range sizes {
		lr := records.AppendEmpty()
		lr.Attributes().PutInt("number", int64(first+i))
		noise := make([]byte, size)
		for at := range noise {
			noise[at] = byte(random.Uint32())
		}
		lr.Body().SetEmptyBytes().FromRaw(noise)
	}
	return ld
}

const senders, requestsEach = 6, 10

// sendMany sends requests from several goroutines, each request being far above limit but for its lines.
func sendMany(t *testing.T, e running) (lines int) {
	t.Helper()
	sizes := []int{10, 3000, 2500, 100, 3000, 50, 1000}
	var sending sync.WaitGroup
	for sender := range senders {
		sending.Go(func() {
			for i := range requestsEach {
				first := (sender*requestsEach + i + 1) * 1000
				assert.NoError(t, e.ConsumeLogs(t.Context(), numbered(first, sizes...)))
			}
		})
	}
	sending.Wait()
	return senders * requestsEach * len(sizes)
}

func requireOnce(t *testing.T, seen map[int64]int, lines int) {
	t.Helper()
	require.Len(t, seen, lines)
	for number, count := range seen {
		require.Equal(t, 1, count, "line %d", number)
	}
}

// TestEveryLineIsInATopicOnceThatTakesLessThanItDid: the exporter has learnt a limit that holds no longer, while batches are
// in flight behind those that are refused.
func TestEveryLineIsInATopicOnceThatTakesLessThanItDid(t *testing.T) {
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t, 1_000_000)
			e := start(t, cluster, settings{"producer": settings{"compression": codec, "linger": "0s"}, "dead_letter_topic": dead})
			require.NoError(t, e.ConsumeLogs(t.Context(), numbered(1, 6000)))
			takeOnly(t, cluster.ListenAddrs(), topic, limit)
			lines := sendMany(t, e)
			retries, causes := e.counted(t, "otelcol_kafka_exporter_retries")
			require.Positive(t, retries)
			require.Contains(t, causes, "cause=message_too_large")
			requireOnce(t, numbers(t, "otlp_proto", read(t, cluster, topic)), lines+1)

			// Now that the limit is known, what cannot be cut is known before it is sent; before, it is found out.
			takeOnly(t, cluster.ListenAddrs(), topic, limit/2)
			require.NoError(t, e.ConsumeLogs(t.Context(), numbered(1_000_000, 10, limit/2+100, 20)))
			letters := read(t, cluster, dead)
			require.Equal(t, map[int64]int{1_000_001: 1}, numbers(t, "otlp_proto", letters))
			requireOnce(t, numbers(t, "otlp_proto", read(t, cluster, topic)), lines+3)
		})
	}
}

// TestEveryLineIsInATopicOnceWhoseLimitNobodyTells: batches are halved until they fit.
func TestEveryLineIsInATopicOnceWhoseLimitNobodyTells(t *testing.T) {
	cluster := startCluster(t, limit)
	cluster.ControlKey(int16(kmsg.DescribeConfigs), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		response := r.ResponseKind().(*kmsg.DescribeConfigsResponse)
		for _, asked := range r.(*kmsg.DescribeConfigsRequest).Resources {
			refused := kmsg.NewDescribeConfigsResponseResource()
			refused.ResourceType, refused.ResourceName = asked.ResourceType, asked.ResourceName
			refused.ErrorCode = kerr.TopicAuthorizationFailed.Code
			response.Resources = append(response.Resources, refused)
		}
		return response, nil, true
	})
	e := start(t, cluster, settings{"dead_letter_topic": dead, "producer": settings{"linger": "0s"}})
	lines := sendMany(t, e)
	requireOnce(t, numbers(t, "otlp_proto", read(t, cluster, topic)), lines)
	require.NoError(t, e.ConsumeLogs(t.Context(), numbered(1_000_000, 10, limit+100, 20)))
	require.Equal(t, map[int64]int{1_000_001: 1}, numbers(t, "otlp_proto", read(t, cluster, dead)))
	requireOnce(t, numbers(t, "otlp_proto", read(t, cluster, topic)), lines+2)
}

// TestABatchThatMayBeThereIsNotCut: its answer was lost, and then the topic took less. It is not sent again in other
// pieces, for the broker would not know them.
func TestABatchThatMayBeThereIsNotCut(t *testing.T) {
	cluster := startCluster(t, 1_000_000)
	e := start(t, cluster, settings{"timeout": "60s", "producer": settings{"linger": "0s"}})
	require.NoError(t, e.ConsumeLogs(t.Context(), numbered(1, 10)))
	handle := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: kerr.RequestTimedOut})
	refuse := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: kerr.MessageTooLarge})
	err := e.ConsumeLogs(t.Context(), numbered(1000, 3000, 3000))
	require.ErrorContains(t, err, "message_too_large")
	require.Equal(t, 1, handle.Hits())
	require.Equal(t, 1, refuse.Hits())
	dropped, attributes := e.counted(t, "otelcol_kafka_exporter_dropped_records")
	assert.Equal(t, int64(1), dropped)
	assert.Contains(t, attributes, "reason=message_too_large")
	require.NoError(t, e.ConsumeLogs(t.Context(), numbered(2000, 10)))
	for number, count := range numbers(t, "otlp_proto", read(t, cluster, topic)) {
		require.Equal(t, 1, count, "line %d", number)
	}
}
