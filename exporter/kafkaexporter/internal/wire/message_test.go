// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/protocol/describeconfigs"
	"github.com/segmentio/kafka-go/protocol/initproducerid"
	"github.com/segmentio/kafka-go/protocol/metadata"
	"github.com/segmentio/kafka-go/protocol/saslauthenticate"
	"github.com/segmentio/kafka-go/protocol/saslhandshake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sampleMessage is an answer, as far as it is looked at, and the versions in which it may come.
type sampleMessage struct {
	message     protocol.Message
	first, last int16
}

func sampleMessages() []sampleMessage {
	return []sampleMessage{
		{&apiversions.Response{ErrorCode: 35, ApiKeys: []apiversions.ApiKeyResponse{{ApiKey: 0, MinVersion: 3, MaxVersion: 12}, {ApiKey: 3, MaxVersion: 9}}}, 0, 0},
		{&metadata.Response{
			Brokers: []metadata.ResponseBroker{{NodeID: 1, Host: "one", Port: 9092}, {NodeID: 2, Host: "two", Port: 9093}},
			Topics: []metadata.ResponseTopic{
				{Name: "a", Partitions: []metadata.ResponsePartition{{LeaderID: 2}, {PartitionIndex: 1, LeaderID: -1, ErrorCode: 5}}},
				{Name: "b", ErrorCode: 3},
			},
		}, 0, 8},
		{&initproducerid.Response{ErrorCode: 14, ProducerID: 1 << 40, ProducerEpoch: 7}, 0, 4},
		{&describeconfigs.Response{Resources: []describeconfigs.ResponseResource{
			{ErrorCode: 29, ErrorMessage: "no", ResourceName: "b"},
			{ResourceName: "a", ConfigEntries: []describeconfigs.ResponseConfigEntry{{ConfigName: "max.message.bytes", ConfigValue: "4000"}}},
		}}, 0, 3},
		{&saslhandshake.Response{ErrorCode: 33, Mechanisms: []string{"PLAIN", "GSSAPI"}}, 1, 1},
		{&saslauthenticate.Response{ErrorCode: 58, ErrorMessage: "no", AuthBytes: []byte("v=x"), SessionLifetimeMs: 9000}, 1, 1},
	}
}

// encodeMessage returns what kafka-go writes behind the correlation id.
func encodeMessage(tb testing.TB, m protocol.Message, version int16) []byte {
	tb.Helper()
	var b bytes.Buffer
	require.NoError(tb, protocol.WriteResponse(&b, version, 7, m))
	return b.Bytes()[8:]
}

func TestAnswersToQuestionsAreReadAsKafkaGoWritesThem(t *testing.T) {
	for _, sample := range sampleMessages() {
		for version := sample.first; version <= sample.last; version++ {
			whole := encodeMessage(t, sample.message, version)
			got, err := decodeMessage(whole, sample.message.ApiKey(), version)
			require.NoError(t, err, "%T of version %d", sample.message, version)
			assert.Equal(t, sample.message, got, "version %d", version)
			for cut := range whole {
				_, err := decodeMessage(whole[:cut], sample.message.ApiKey(), version)
				require.ErrorIs(t, err, errMalformed, "%T of version %d, cut at %d", sample.message, version, cut)
			}
			_, err = decodeMessage(append(whole, 0), sample.message.ApiKey(), version)
			require.ErrorIs(t, err, errMalformed)
		}
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// FuzzDecodeMessage: hostile bytes cause no panic, and no more memory than they take themselves, times a bit.
func FuzzDecodeMessage(f *testing.F) {
	samples := sampleMessages()
	for i, sample := range samples {
		for version := sample.first; version <= sample.last; version++ {
			f.Add(encodeMessage(f, sample.message, version), uint8(i), version)
		}
		f.Add([]byte{0, 0, 0x7f, 0xff, 0xff, 0xff}, uint8(i), sample.last)
		f.Add([]byte{0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff}, uint8(i), sample.last)
	}
	f.Fuzz(func(t *testing.T, body []byte, which uint8, version int16) {
		sample := samples[int(which)%len(samples)]
		var err error
		used := allocated(func() { _, err = decodeMessage(body, sample.message.ApiKey(), version) })
		if err != nil {
			require.ErrorIs(t, err, errMalformed)
		}
		const multiple, other = 64, 1 << 20 // what the fuzzer's own goroutines allocate meanwhile
		require.Less(t, used, uint64(multiple*len(body)+other))
	})
}
