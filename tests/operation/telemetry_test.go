// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package operation

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

const (
	prefix = "otelcol_kafka_exporter_"
	soon   = 30 * time.Second
	tick   = time.Millisecond
)

// total adds up a metric over those of its attributes that are among the given ones; of a histogram it is the number of values.
func (h *host) total(t *testing.T, name string, among ...attribute.KeyValue) (sum int64) {
	t.Helper()
	metric, err := h.telemetry.GetMetric(name)
	if err != nil {
		return 0 // never counted
	}
	of := func(set attribute.Set) bool {
		return !slices.ContainsFunc(among, func(kv attribute.KeyValue) bool {
			value, there := set.Value(kv.Key)
			return !there || value != kv.Value
		})
	}
	switch data := metric.Data.(type) {
	case metricdata.Sum[int64]:
		for _, point := range data.DataPoints {
			if of(point.Attributes) {
				sum += point.Value
			}
		}
	case metricdata.Gauge[int64]:
		for _, point := range data.DataPoints {
			if of(point.Attributes) {
				sum += point.Value
			}
		}
	case metricdata.Histogram[float64]:
		for _, point := range data.DataPoints {
			if of(point.Attributes) {
				sum += int64(point.Count)
			}
		}
	default:
		t.Fatalf("%s is of type %T", name, data)
	}
	return sum
}

// declared returns the metrics of metadata.yaml, as they are called in the end.
func declared(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "exporter", "kafkaexporter", "metadata.yaml"))
	require.NoError(t, err)
	retrieved, err := confmap.NewRetrievedFromYAML(text)
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	conf, err = conf.Sub("telemetry::metrics")
	require.NoError(t, err)
	var names []string
	for _, name := range slices.Sorted(maps.Keys(conf.ToStringMap())) {
		names = append(names, "otelcol_"+name)
	}
	require.Greater(t, len(names), 10)
	return names
}

// TestEveryMetricMoves: each one that metadata.yaml declares counts what it says when that happens.
func TestEveryMetricMoves(t *testing.T) {
	h := measuredHost(t)
	for _, scene := range []func(*testing.T, *host){
		countsWhatArrives, countsWhatIsSentAgain, countsPauses, countsWhatIsTooLarge, countsWhatIsUnderWay, countsConnections,
		countsFailedExpressions,
	} {
		scene(t, h)
	}
	for _, name := range declared(t) {
		if name != prefix+"in_flight_requests" && name != prefix+"buffered_bytes" { // both are back at 0
			assert.Positive(t, h.total(t, name), name)
		}
	}
}

func countsWhatArrives(t *testing.T, h *host) {
	cluster := startCluster(t)
	e, stop := start(t, cluster.ListenAddrs(), settings{"timeout": "60s", "producer": map[string]any{"compression": "zstd"}}, h)
	require.NoError(t, e.ConsumeLogs(t.Context(), lines(1000)))
	stop()
	place := []attribute.KeyValue{attribute.String("topic", topic), attribute.Int("partition", 0)}
	assert.Equal(t, int64(1), h.total(t, prefix+"batches", place...))
	assert.Equal(t, int64(1), h.total(t, prefix+"records", place...))
	sent, plain := h.total(t, prefix+"bytes", place...), h.total(t, prefix+"bytes_uncompressed", place...)
	assert.Greater(t, plain, 10*sent, "the ratio of compression")
	assert.Equal(t, int64(1), h.total(t, prefix+"write_latency", attribute.Int("node_id", 0)))
	assert.Equal(t, int64(1), h.total(t, prefix+"producer_ids"))
	assert.Equal(t, int64(1), h.total(t, prefix+"metadata_refreshes", attribute.String("outcome", "success")))
	assert.Equal(t, int64(1), h.total(t, "otelcol_kafka_broker_connects", attribute.String("outcome", "success")))
}

func countsWhatIsSentAgain(t *testing.T, h *host) {
	cluster := startCluster(t)
	e, stop := start(t, cluster.ListenAddrs(), settings{"timeout": "60s"}, h)
	for _, failure := range []*kerr.Error{kerr.NotEnoughReplicas, kerr.RequestTimedOut, kerr.OutOfOrderSequenceNumber} {
		cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: failure, Count: 1})
		require.NoError(t, e.ConsumeLogs(t.Context(), lines(1)))
		cause := attribute.String("cause", strings.ToLower(failure.Message))
		assert.Equal(t, int64(1), h.total(t, prefix+"retries", cause, attribute.String("topic", topic)), failure.Message)
	}
	stop()
	assert.Equal(t, int64(1), h.total(t, prefix+"epoch_bumps", attribute.String("topic", topic)))
}

// countsPauses: the broker says that it has the batch, and asks for silence.
func countsPauses(t *testing.T, h *host) {
	cluster := startCluster(t)
	cluster.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		response := answerAll(request.(*kmsg.ProduceRequest), 0)
		response.ThrottleMillis = 5
		return response, nil, true
	})
	e, stop := start(t, cluster.ListenAddrs(), settings{"timeout": "60s"}, h)
	require.NoError(t, e.ConsumeLogs(t.Context(), lines(1)))
	stop()
	assert.Equal(t, int64(1), h.total(t, "otelcol_kafka_broker_throttling_latency", attribute.Int("node_id", 0)))
}

func countsWhatIsTooLarge(t *testing.T, h *host) {
	const dead = "dead-letters"
	cluster := startCluster(t, kfake.SeedTopics(1, dead))
	for _, letters := range []string{dead, ""} {
		e, stop := start(t, cluster.ListenAddrs(), settings{
			"timeout": "60s", "dead_letter_topic": letters, "producer": map[string]any{"max_message_bytes": 2000},
		}, h)
		ld := lines(3)
		for i, lr := range ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
			lr.Body().SetStr(strings.Repeat("x", []int{1500, 5000, 1500}[i]))
		}
		if err := e.ConsumeLogs(t.Context(), ld); letters == "" {
			require.ErrorContains(t, err, "cannot be cut")
		} else {
			require.NoError(t, err)
		}
		stop()
	}
	why := []attribute.KeyValue{attribute.String("topic", topic), attribute.String("reason", "message_too_large")}
	assert.Equal(t, int64(1), h.total(t, prefix+"dead_letters", why...))
	assert.Equal(t, int64(1), h.total(t, prefix+"dropped_records", why...))
	assert.Equal(t, int64(2), h.total(t, prefix+"splits", why[0]))
}

// countsWhatIsUnderWay: one request with the broker, one that waits for room, and the rest in the queue, which counts all of them.
func countsWhatIsUnderWay(t *testing.T, h *host) {
	const size, sent = 50_000, 5
	cluster, waiting, release := slowCluster(t)
	e, _ := start(t, cluster.ListenAddrs(), settings{
		"timeout": "60s", "sending_queue": map[string]any{"num_consumers": 2, "queue_size": 10},
		"producer": map[string]any{"max_buffered_bytes": 3 * size / 2, "linger": "0s"},
	}, h)
	for range sent {
		require.NoError(t, e.ConsumeLogs(t.Context(), bulky(size)))
	}
	require.Eventually(t, func() bool {
		return waiting() > 0 && h.total(t, prefix+"in_flight_requests") == 1 && h.total(t, prefix+"buffer_waits") == 1 &&
			h.total(t, "otelcol_exporter_queue_size") == sent
	}, soon, tick)
	assert.Greater(t, h.total(t, prefix+"buffered_bytes"), int64(size))
	assert.Equal(t, int64(10), h.total(t, "otelcol_exporter_queue_capacity"))
	release()
	require.Eventually(t, func() bool {
		return h.total(t, prefix+"in_flight_requests") == 0 && h.total(t, prefix+"buffered_bytes") == 0 &&
			h.total(t, "otelcol_exporter_queue_size") == 0 && cluster.PartitionInfo(topic, 0).HighWatermark == sent
	}, soon, tick)
}

func countsConnections(t *testing.T, h *host) {
	cluster := startCluster(t)
	e, _ := start(t, cluster.ListenAddrs(), settings{"timeout": "5s", "conn_idle_timeout": "10ms"}, h)
	before := h.total(t, "otelcol_kafka_broker_closed")
	require.NoError(t, e.ConsumeLogs(t.Context(), lines(1)))
	require.Eventually(t, func() bool { return h.total(t, "otelcol_kafka_broker_closed") > before }, soon, tick)
	cluster.Close()
	require.Error(t, e.ConsumeLogs(t.Context(), lines(1)))
	assert.Positive(t, h.total(t, "otelcol_kafka_broker_connects", attribute.String("outcome", "failure")))
	assert.Positive(t, h.total(t, prefix+"metadata_refreshes", attribute.String("outcome", "failure")))
}

func countsFailedExpressions(t *testing.T, h *host) {
	cluster := startCluster(t)
	e, _ := start(t, cluster.ListenAddrs(), settings{
		"timeout": "60s", "logs": map[string]any{"message_key_from_ottl": `Substring(log.severity_text, 0, 4)`},
	}, h)
	require.NoError(t, e.ConsumeLogs(t.Context(), lines(2)))
	assert.Equal(t, int64(2), h.total(t, prefix+"expression_failures", attribute.String("topic", topic)))
}
