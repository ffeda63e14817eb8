// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answerBytes encodes a response with kafka-go and returns what stands behind the correlation id.
func answerBytes(tb testing.TB, version int16, r *produce.Response) []byte {
	tb.Helper()
	var b bytes.Buffer
	require.NoError(tb, protocol.WriteResponse(&b, version, 7, r))
	return b.Bytes()[8:]
}

func sampleAnswer() *produce.Response {
	return &produce.Response{ThrottleTimeMs: 250, Topics: []produce.ResponseTopic{
		{Topic: "a", Partitions: []produce.ResponsePartition{{Partition: 0}, {Partition: 3, ErrorCode: 6}}},
		{Topic: "b", Partitions: []produce.ResponsePartition{{Partition: 1, ErrorCode: 87, ErrorMessage: "no"}}},
	}}
}

func TestAnswersOfEveryVersionAreReadAsKafkaGoWritesThem(t *testing.T) {
	for version := int16(minProduceVersion); version <= maxProduceVersion; version++ {
		a, err := decodeAnswer(answerBytes(t, version, sampleAnswer()), version, &Request{})
		require.NoError(t, err, "version %d", version)
		assert.Equal(t, int32(250), a.ThrottleMs)
		want := []PartResult{{Topic: "a"}, {Topic: "a", Partition: 3, Code: 6}, {Topic: "b", Partition: 1, Code: 87}}
		if version >= 8 {
			want[2].Message = "no"
		}
		assert.Equal(t, want, a.Results)
	}
}

func TestRequestsAreReadByKafkaGo(t *testing.T) {
	r := &Request{Acks: -1, TimeoutMs: 5000, Parts: []Part{{"a", 0, []byte{}}, {"a", 2, []byte{}}, {"b", 1, []byte{}}}}
	for version := int16(minProduceVersion); version <= maxProduceVersion; version++ {
		var frame Frame
		buffers, total := frame.encode(r, version, 42, "me")
		var b bytes.Buffer
		_, err := buffers.WriteTo(&b)
		require.NoError(t, err)
		require.Equal(t, int(total), b.Len())
		gotVersion, id, client, message, err := protocol.ReadRequest(&b)
		require.NoError(t, err)
		assert.Equal(t, []any{version, int32(42), "me"}, []any{gotVersion, id, client})
		got, ok := message.(*produce.Request)
		require.True(t, ok)
		require.Len(t, got.Topics, 2)
		assert.Len(t, got.Topics[0].Partitions, 2)
		assert.Equal(t, int32(1), got.Topics[1].Partitions[0].Partition)
		assert.Equal(t, int16(-1), got.Acks)
		assert.Empty(t, got.TransactionalID)
	}
}

func TestABadAnswerSaysWhereItIsBad(t *testing.T) {
	whole := answerBytes(t, 8, sampleAnswer())
	for cut := range whole {
		_, err := decodeAnswer(whole[:cut], 8, &Request{})
		require.ErrorIs(t, err, errBadAnswer)
		require.ErrorContains(t, err, fmt.Sprintf("of %d", cut))
	}
	_, err := decodeAnswer(append(whole, 0), 8, &Request{})
	require.ErrorContains(t, err, fmt.Sprintf("at byte %d of %d", len(whole), len(whole)+1))
	_, err = decodeAnswer([]byte{0x7f, 0xff, 0xff, 0xff}, 8, &Request{})
	require.ErrorContains(t, err, "at byte 4 of 4")
}

// FuzzDecodeAnswer: hostile bytes are refused without a panic and without more results than they have room for.
func FuzzDecodeAnswer(f *testing.F) {
	for version := int16(minProduceVersion); version <= maxProduceVersion; version++ {
		f.Add(answerBytes(f, version, sampleAnswer()), version)
	}
	f.Add([]byte{0x7f, 0xff, 0xff, 0xff}, int16(8))
	f.Fuzz(func(t *testing.T, body []byte, version int16) {
		a, err := decodeAnswer(body, version, &Request{})
		if err != nil {
			require.ErrorIs(t, err, errBadAnswer)
			require.Empty(t, a.Results)
		}
		require.LessOrEqual(t, len(a.Results)*22, len(body)+22)
	})
}

func BenchmarkFrame(b *testing.B) {
	r := &Request{Acks: -1}
	for i := range 12 {
		r.Parts = append(r.Parts, Part{"otlp_spans", int32(i), make([]byte, 64<<10)})
	}
	var frame Frame
	b.ReportAllocs()
	b.SetBytes(12 * 64 << 10)
	for b.Loop() {
		frame.encode(r, 8, 1, "otel-collector")
	}
}
