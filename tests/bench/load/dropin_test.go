// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// written is a record as a consumer sees it. The key is left out for ByResource: it is a hash of the attributes, and the
// two exporters hash differently. So is the partition, which they derive from the key in different ways.
type written struct{ key, value string }

// TestOurExporterWritesTheRecordsThatContribsWrites compares record for record, byte for byte, so that one can take the
// place of the other under running consumers: a payload becomes the same records with the same values, and trace ids
// become the same keys.
func TestOurExporterWritesTheRecordsThatContribsWrites(t *testing.T) {
	for _, signal := range []string{Logs, Traces} {
		for _, key := range []string{Plain, ByTrace, ByResource} {
			spec := Spec{Signal: signal, Codec: "none", Key: key, Topic: "t", Callers: 1, Duration: time.Second}
			spec.Exporter = Contrib
			if spec.possible() != nil {
				continue
			}
			t.Run(signal+" "+key, func(t *testing.T) {
				theirs := write(t, spec)
				spec.Exporter = Ours
				ours := write(t, spec)
				if len(theirs) == 0 {
					t.Fatal("contrib's exporter wrote nothing")
				}
				requireSameRecords(t, ours, theirs)
			})
		}
	}
}

// requireSameRecords compares multisets.
func requireSameRecords(t *testing.T, ours, theirs map[written]int) {
	t.Helper()
	for record, count := range theirs {
		if ours[record] != count {
			t.Fatalf("contrib's exporter wrote a record with key %q and %d bytes %d times, ours %d times",
				record.key, len(record.value), count, ours[record])
		}
	}
	if !maps.Equal(ours, theirs) {
		t.Fatalf("ours wrote %d different records, contrib's %d", len(ours), len(theirs))
	}
}

// write sends every payload once and returns what is in the topic then.
func write(t *testing.T, s Spec) map[written]int {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(5, s.Topic))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	s.Broker = cluster.ListenAddrs()[0]
	target, err := newTarget(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	for i := range variants {
		if err := target.send(t.Context(), i); err != nil {
			t.Error(err)
		}
	}
	if err := target.exporter.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	return read(t, s)
}

// read returns the records of the topic once as many are there as there must be.
func read(t *testing.T, s Spec) map[written]int {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Broker), kgo.ConsumeTopics(s.Topic))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	records := map[written]int{}
	for want := s.records() * variants; want > 0; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Errorf("%d records are missing: %v", want, err)
			break
		}
		for _, record := range fetches.Records() {
			w := written{value: string(record.Value)}
			if s.Key != ByResource {
				w.key = string(record.Key)
			}
			records[w]++
			want--
		}
	}
	return records
}
