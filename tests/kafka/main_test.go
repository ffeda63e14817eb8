// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"crypto/rand"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/otelcol-risk/otelcol-risk/tests/kafka/broker"
	"github.com/otelcol-risk/otelcol-risk/tests/kafka/kcat"
)

// shared is the broker that all tests use that do not kill it. It is started by the first of them.
var shared struct {
	once   sync.Once
	broker *broker.Broker
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.broker != nil {
		if err := shared.broker.Stop(); err != nil {
			println("stop broker:", err.Error())
			code = 1
		}
	}
	if err := goleak.Find(); err != nil && code == 0 {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

// useBroker returns the shared broker and skips the test where there cannot be one or nothing could read it back.
func useBroker(t *testing.T) *broker.Broker {
	t.Helper()
	broker.SkipOrFail(t, broker.Program("kcat", "kcat", "apt-get install kcat"))
	shared.once.Do(func() { shared.broker, shared.err = broker.Start(context.Background()) })
	broker.SkipOrFail(t, shared.err)
	return shared.broker
}

// useOwnBroker returns a broker that the test may kill and that knows of a proxy before it.
func useOwnBroker(t *testing.T, proxy string) *broker.Broker {
	t.Helper()
	broker.SkipOrFail(t, broker.Program("kcat", "kcat", "apt-get install kcat"))
	b, err := broker.StartBehind(t.Context(), proxy)
	broker.SkipOrFail(t, err)
	t.Cleanup(func() {
		if err := b.Stop(); err != nil {
			t.Error(err)
		}
	})
	if !b.Own() {
		t.Skip("needs a broker that may be killed: unset KAFKA_BROKERS")
	}
	return b
}

// partitions is the number of partitions of every topic; more than one, so that choosing the partition matters.
const partitions = 4

// newTopic creates a topic with a name that was never used and deletes it when the test ends.
func newTopic(t *testing.T, b *broker.Broker) string {
	t.Helper()
	name := "otelcol-risk-test-" + rand.Text()
	if err := b.CreateTopic(t.Context(), name, partitions); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := b.DeleteTopic(ctx, name); err != nil {
			t.Error(err)
		}
	})
	return name
}

// readBack returns what kcat finds in a topic, after checking that each partition's offsets have no gap.
func readBack(t *testing.T, b *broker.Broker, topic string) []kcat.Record {
	t.Helper()
	records, err := kcat.Read(t.Context(), b.Addrs(), topic)
	if err != nil {
		t.Fatal(err)
	}
	next := map[int32]int64{}
	for _, record := range records {
		if record.Offset != next[record.Partition] {
			t.Fatalf("partition %d: offset %d follows %d", record.Partition, record.Offset, next[record.Partition]-1)
		}
		next[record.Partition]++
	}
	return records
}
