// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/otelcol-risk/otelcol-risk/tests/kafka/kcat"
)

// codecs maps the names of the setting to the codes in a record batch.
var codecs = map[string]uint8{"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}

var encodings = []string{"otlp_proto", "otlp_json"}

// payloadsPerCase is enough for several batches to follow one another in a partition.
const payloadsPerCase = 8

func TestEveryItemArrivesOnceInEveryEncodingAndCompression(t *testing.T) {
	useBroker(t)
	t.Run("traces", func(t *testing.T) { deliverInEveryForm(t, traces) })
	t.Run("metrics", func(t *testing.T) { deliverInEveryForm(t, metrics) })
	t.Run("logs", func(t *testing.T) { deliverInEveryForm(t, logs) })
}

func deliverInEveryForm[T any](t *testing.T, s signal[T]) {
	for codec, code := range codecs {
		for _, encoding := range encodings {
			t.Run(codec+" "+encoding, func(t *testing.T) {
				topic, records := s.deliver(t, encoding, settings{"producer": map[string]any{"compression": codec}})
				for _, record := range records {
					if record.Key != nil {
						t.Fatalf("a record has key %q though none was asked for", record.Key)
					}
				}
				requireBatches(t, topic, len(records), code)
			})
		}
	}
}

func TestItemsOfATraceShareAKeyAndAPartition(t *testing.T) {
	useBroker(t)
	t.Run("traces", func(t *testing.T) { deliverByTrace(t, traces) })
	t.Run("logs", func(t *testing.T) { deliverByTrace(t, logs) })
}

func deliverByTrace[T any](t *testing.T, s signal[T]) {
	for _, encoding := range encodings {
		t.Run(encoding, func(t *testing.T) {
			_, records := s.deliver(t, encoding, settings{s.byTrace: true})
			requireOnePartitionPerKey(t, records)
			for _, record := range records {
				items, err := s.items(encoding, record.Value)
				if err != nil {
					t.Fatal(err)
				}
				for _, i := range items {
					if i.trace != string(record.Key) {
						t.Fatalf("a record with key %q holds an item of trace %q", record.Key, i.trace)
					}
				}
			}
		})
	}
}

func TestItemsOfAResourceShareAKeyAndAPartition(t *testing.T) {
	useBroker(t)
	t.Run("traces", func(t *testing.T) { deliverByResource(t, traces) })
	t.Run("metrics", func(t *testing.T) { deliverByResource(t, metrics) })
	t.Run("logs", func(t *testing.T) { deliverByResource(t, logs) })
}

func deliverByResource[T any](t *testing.T, s signal[T]) {
	for _, encoding := range encodings {
		t.Run(encoding, func(t *testing.T) {
			_, records := s.deliver(t, encoding, settings{s.byResource: true})
			requireOnePartitionPerKey(t, records)
			keys := map[string]string{}
			for _, record := range records {
				items, err := s.items(encoding, record.Value)
				if err != nil {
					t.Fatal(err)
				}
				for _, i := range items {
					if known, seen := keys[i.resource]; seen && known != string(record.Key) {
						t.Fatalf("resource %q has keys %x and %x", i.resource, known, record.Key)
					}
					keys[i.resource] = string(record.Key)
				}
			}
			if different := map[string]bool{}; len(keys) == resourceCount {
				for _, key := range keys {
					different[key] = true
				}
				if len(different) != resourceCount || different[""] {
					t.Fatalf("%d resources have keys %x", resourceCount, keys)
				}
			}
		})
	}
}

// deliver sends payloads through an exporter to a new topic, ends the exporter, and returns what kcat reads, after
// checking that every item is there exactly once, byte for byte.
func (s signal[T]) deliver(t *testing.T, encoding string, further settings) (topic string, records []kcat.Record) {
	t.Helper()
	b := useBroker(t)
	topic = newTopic(t, b)
	exporter := s.start(t, b.Addrs(), topic, encoding, further)
	m := newMaker(1)
	var sent []item
	for range payloadsPerCase {
		payload := s.make(m)
		sent = append(sent, s.split(payload)...)
		if err := exporter.send(t.Context(), payload); err != nil {
			t.Errorf("send: %v", err)
		}
	}
	exporter.stop(t)

	records = readBack(t, b, topic)
	var found []item
	for _, record := range records {
		items, err := s.items(encoding, record.Value)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, items...)
	}
	requireExactlyOnce(t, sent, found)
	return topic, records
}

// requireOnePartitionPerKey also checks that the keys do not all fall into one partition.
func requireOnePartitionPerKey(t *testing.T, records []kcat.Record) {
	t.Helper()
	home := map[string]int32{}
	used := map[int32]bool{}
	for _, record := range records {
		used[record.Partition] = true
		if len(record.Key) == 0 {
			continue // belongs to no trace, may go anywhere
		}
		if partition, seen := home[string(record.Key)]; seen && partition != record.Partition {
			t.Fatalf("key %q is in partitions %d and %d", record.Key, partition, record.Partition)
		}
		home[string(record.Key)] = record.Partition
	}
	if len(home) < 2 || len(used) < 2 {
		t.Fatalf("%d keys fell into %d partitions", len(home), len(used))
	}
}

// requireBatches reads the topic again with franz-go, which also shows what a batch says about itself: its codec, and
// the producer id that makes it idempotent.
func requireBatches(t *testing.T, topic string, count int, codec uint8) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(useBroker(t).Addrs()...), kgo.ConsumeTopics(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for count > 0 {
		fetches := client.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		for _, record := range fetches.Records() {
			count--
			if err := checkBatch(record, codec); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func checkBatch(record *kgo.Record, codec uint8) error {
	if found := record.Attrs.CompressionType(); found != codec {
		return fmt.Errorf("record %d of partition %d has codec %d, want %d", record.Offset, record.Partition, found, codec)
	}
	if record.ProducerID < 0 || record.ProducerEpoch < 0 {
		return fmt.Errorf("record %d of partition %d is not idempotent: producer id %d, epoch %d",
			record.Offset, record.Partition, record.ProducerID, record.ProducerEpoch)
	}
	return nil
}
