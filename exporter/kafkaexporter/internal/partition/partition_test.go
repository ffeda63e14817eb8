// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package partition

import (
	"fmt"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/assert"
)

// The answers are those that Kafka's own test of its Java implementation expects (UtilsTest.testMurmur2).
func TestMurmur2GivesJavasAnswers(t *testing.T) {
	for key, want := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		assert.Equal(t, want, int32(Murmur2([]byte(key))), "%q", key)
	}
}

func TestJavaAgreesWithKafkaGo(t *testing.T) {
	balancer := kafka.Murmur2Balancer{}
	for count := int32(1); count < 20; count++ {
		all := make([]int, count)
		for i := range all {
			all[i] = i
		}
		for n := range 500 {
			key := fmt.Appendf(nil, "%d-%0*d", n, n%40, n)
			assert.Equal(t, balancer.Balance(kafka.Message{Key: key}, all...), int(Java(key, count)), "%q of %d", key, count)
		}
	}
}

func TestSaramaAgreesWithKafkaGo(t *testing.T) {
	balancer := kafka.Hash{} // documented to be compatible with Sarama's
	for count := int32(1); count < 20; count++ {
		all := make([]int, count)
		for i := range all {
			all[i] = i
		}
		for n := range 500 {
			key := fmt.Appendf(nil, "%d-%0*d", n, n%40, n)
			assert.Equal(t, balancer.Balance(kafka.Message{Key: key}, all...), int(Sarama(key, count)), "%q of %d", key, count)
		}
	}
}

func TestStickyTakesPartitionsInTurnAndSkipsThoseWithoutLeader(t *testing.T) {
	var s Sticky
	leaders := []int32{7, -1, 0}
	var got []int32
	for range 6 {
		got = append(got, s.Next(leaders))
	}
	assert.Equal(t, []int32{0, 2, 2, 0, 2, 2}, got)
	assert.Equal(t, int32(-1), s.Next(nil))
	for range 5 {
		assert.Contains(t, []int32{0, 1}, s.Next([]int32{-1, -1}))
	}
}

func BenchmarkJava(b *testing.B) {
	key := []byte("0102030405060708090a0b0c0d0e0f10")
	b.ReportAllocs()
	b.SetBytes(int64(len(key)))
	for b.Loop() {
		Java(key, 12)
	}
}

func TestBacklogTakesThePartitionWithTheFewestRecords(t *testing.T) {
	var b Backlog
	leaders := []int32{1, -1, 1}
	assert.Equal(t, int32(0), b.Least("t", leaders))
	assert.Equal(t, int32(2), b.Least("t", leaders), "they take turns")
	assert.Equal(t, int32(0), b.Least("t", leaders))
	b.Add("t", 2, 3)
	assert.Equal(t, int32(0), b.Least("t", leaders))
	b.Add("t", 0, 5)
	assert.Equal(t, int32(2), b.Least("t", leaders))
	assert.Equal(t, int32(2), b.Least("t", leaders))
	b.Add("t", 0, -5)
	assert.Equal(t, int32(0), b.Least("t", leaders))
	b.Add("t", 9, 1) // the topic had more partitions, or will have
	assert.Equal(t, int32(0), b.Least("t", leaders))
	assert.Equal(t, int32(0), b.Least("leaderless", []int32{-1}))
}
