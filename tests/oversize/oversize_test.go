// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package oversize

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// limit of the topic; the exporter's own is far above it.
const limit = 4000

// makeLogs makes numbered lines of random sizes up to most bytes, which no codec can make much smaller.
func makeLogs(r *rand.Rand, lines, most int) plog.Logs {
	ld := plog.NewLogs()
	number := 0
	for number < lines {
		rl := ld.ResourceLogs().AppendEmpty()
		rl.Resource().Attributes().PutStr("service.name", fmt.Sprintf("service-%d", r.IntN(3)))
		for range 1 + r.IntN(2) {
			records := rl.ScopeLogs().AppendEmpty().LogRecords()
			for range r.IntN(40) {
				lr := records.AppendEmpty()
				lr.SetTraceID(pcommon.TraceID{15: byte(1 + number%7)})
				lr.Attributes().PutInt("number", int64(number))
				noise := make([]byte, r.IntN(most))
				for i := range noise {
					noise[i] = byte(' ' + r.IntN(90))
				}
				lr.Body().SetStr(string(noise))
				number++
			}
		}
	}
	return ld
}

// numbers counts how often each line is in records.
func numbers(t *testing.T, encoding string, records []*kgo.Record) map[int64]int {
	t.Helper()
	var unmarshal plog.Unmarshaler = &plog.ProtoUnmarshaler{}
	if encoding == "otlp_json" {
		unmarshal = &plog.JSONUnmarshaler{}
	}
	seen := map[int64]int{}
	for _, record := range records {
		ld, err := unmarshal.UnmarshalLogs(record.Value)
		require.NoError(t, err)
		for _, rl := range ld.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, lr := range sl.LogRecords().All() {
					number, _ := lr.Attributes().Get("number")
					seen[number.Int()]++
				}
			}
		}
	}
	return seen
}

// TestEveryLineIsInTheTopicOnceOrADeadLetterOnce: the broker refuses every batch above the topic's limit, and nothing is tried
// again here, so all that arrives was within the limit.
func TestEveryLineIsInTheTopicOnceOrADeadLetterOnce(t *testing.T) {
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		for _, encoding := range []string{"otlp_proto", "otlp_json"} {
			for _, key := range []string{"", "partition_logs_by_trace_id", "partition_logs_by_resource_attributes"} {
				if codec != "none" && codec != "zstd" && (encoding != "otlp_proto" || key != "") {
					continue // what differs between codecs is the size of a batch, whatever is in it
				}
				t.Run(fmt.Sprint(codec, " ", encoding, " ", key), func(t *testing.T) {
					t.Parallel()
					cluster := startCluster(t, limit)
					given := settings{
						"producer": settings{"compression": codec}, "logs": settings{"encoding": encoding}, "dead_letter_topic": dead,
					}
					if key != "" {
						given[key] = true
					}
					e := start(t, cluster, given)
					ld := makeLogs(rand.New(rand.NewPCG(uint64(len(codec+key)), 7)), 40, 6000)
					require.NoError(t, e.ConsumeLogs(t.Context(), ld))
					arrived, letters := read(t, cluster, topic), read(t, cluster, dead)
					seen := numbers(t, encoding, append(arrived, letters...))
					require.Len(t, seen, ld.LogRecordCount())
					for number, count := range seen {
						require.Equal(t, 1, count, "line %d", number)
					}
					splits, _ := e.counted(t, "otelcol_kafka_exporter_splits")
					assert.Positive(t, splits)
					dropped, _ := e.counted(t, "otelcol_kafka_exporter_dropped_records")
					assert.Zero(t, dropped)
					counted, attributes := e.counted(t, "otelcol_kafka_exporter_dead_letters")
					assert.Equal(t, int64(len(letters)), counted)
					require.NotEmpty(t, letters)
					assert.Contains(t, attributes, "topic=otlp_logs")
					requireReasons(t, letters[0])
				})
			}
		}
	}
}

func requireReasons(t *testing.T, letter *kgo.Record) {
	t.Helper()
	headers := map[string]string{}
	for _, h := range letter.Headers {
		headers[h.Key] = string(h.Value)
	}
	assert.Equal(t, "message_too_large", headers["dead_letter.reason"])
	assert.Equal(t, topic, headers["dead_letter.topic"])
	assert.Equal(t, fmt.Sprint(limit), headers["dead_letter.limit"])
	assert.NotEmpty(t, headers["dead_letter.size"])
}

func TestWithoutADeadLetterTopicTheLineIsDroppedAndCounted(t *testing.T) {
	cluster := startCluster(t, limit)
	e := start(t, cluster, nil)
	ld := plog.NewLogs()
	records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for number, size := range []int{10, limit, 20} {
		lr := records.AppendEmpty()
		lr.Attributes().PutInt("number", int64(number))
		lr.Body().SetEmptyBytes().FromRaw(make([]byte, size))
	}
	err := e.ConsumeLogs(t.Context(), ld)
	require.ErrorContains(t, err, "do not fit into 4000")
	assert.Equal(t, map[int64]int{0: 1, 2: 1}, numbers(t, "otlp_proto", read(t, cluster, topic)))
	dropped, attributes := e.counted(t, "otelcol_kafka_exporter_dropped_records")
	assert.Equal(t, int64(1), dropped)
	assert.Contains(t, attributes, "reason=message_too_large")
}

// TestWhatHasNoItemsCannotBeCut: a record of the raw encoding is one body.
func TestWhatHasNoItemsCannotBeCut(t *testing.T) {
	cluster := startCluster(t, limit)
	e := start(t, cluster, settings{"logs": settings{"encoding": "raw"}, "dead_letter_topic": dead, "record_headers": settings{"a": "1"}})
	ld := plog.NewLogs()
	body := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body()
	body.SetEmptyBytes().FromRaw(make([]byte, 2*limit))
	require.NoError(t, e.ConsumeLogs(t.Context(), ld))
	letters := read(t, cluster, dead)
	require.Len(t, letters, 1)
	assert.Len(t, letters[0].Value, 2*limit)
	assert.Equal(t, "a", letters[0].Headers[0].Key)
	requireReasons(t, letters[0])
	// And what is too large for the dead-letter topic, too, is dropped.
	body.SetEmptyBytes().FromRaw(make([]byte, 101*limit))
	require.ErrorContains(t, e.ConsumeLogs(t.Context(), ld), `topic "dead-letters"`)
	dropped, _ := e.counted(t, "otelcol_kafka_exporter_dropped_records")
	assert.Equal(t, int64(1), dropped)
}

// TestTheExportersOwnLimitHolds where the topic takes more.
func TestTheExportersOwnLimitHolds(t *testing.T) {
	cluster := startCluster(t, 1_000_000)
	e := start(t, cluster, settings{"producer": settings{"max_message_bytes": 2000}})
	ld := makeLogs(rand.New(rand.NewPCG(1, 1)), 100, 200)
	require.NoError(t, e.ConsumeLogs(t.Context(), ld))
	records := read(t, cluster, topic)
	for _, record := range records {
		assert.LessOrEqual(t, len(record.Value), 2000)
	}
	assert.Len(t, numbers(t, "otlp_proto", records), ld.LogRecordCount())
}
