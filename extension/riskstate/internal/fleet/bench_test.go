// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/redistest"
)

// BenchmarkFlush publishes many keys once, collecting and merging included: the time is for one key, client and server
// on the same cores.
func BenchmarkFlush(b *testing.B) {
	for _, kind := range []uint8{KindAdd, KindDistinct} {
		b.Run([]string{KindAdd: "sums", KindDistinct: "elements"}[kind], func(b *testing.B) {
			const keys = 10_000
			server := redistest.Start(b)
			s := settings(server.Addr())
			s.FlushInterval, s.MaxKeys, s.BatchKeys, s.Timeout = time.Hour, keys, 512, time.Second
			value := newCounter(kind)
			m := join(b, s, value, 1)
			for n := int64(0); b.Loop(); n++ {
				b.StopTimer()
				for key := range uint64(keys) {
					if kind == KindAdd {
						value.add(key, 1)
					} else {
						value.see(key, n)
					}
				}
				b.StartTimer()
				m.tick(b.Context())
			}
			if m.told().Failed > 0 {
				b.Fatalf("%+v", m.told())
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*keys), "ns/key")
		})
	}
}

// BenchmarkPlainPipeline is what the script is measured against: INCRBY in pipelines of the same size, which is not
// exactly once.
func BenchmarkPlainPipeline(b *testing.B) {
	const keys = 10_000
	server := redistest.Start(b)
	client, err := rueidis.NewClient(settings(server.Addr()).Redis)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	names := make([]string, keys)
	for i := range names {
		names[i] = "t{00}aAAAAAAAA_u0AAAAAAAA" + strconv.Itoa(i) + ":1000"
	}
	for b.Loop() {
		for start := 0; start < keys; start += 512 {
			if err := increment(b.Context(), client, names[start:min(start+512, keys)]); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*keys), "ns/key")
}

func increment(ctx context.Context, client rueidis.Client, names []string) error {
	commands := make(rueidis.Commands, 0, len(names))
	for _, name := range names {
		commands = append(commands, client.B().Incrby().Key(name).Increment(1).Build())
	}
	for _, reply := range client.DoMulti(ctx, commands...) {
		if _, err := reply.AsInt64(); err != nil {
			return fmt.Errorf("increment: %w", err)
		}
	}
	return nil
}

// BenchmarkTake is what a delta costs the value that offers it: nothing is allocated for one that is not taken.
func BenchmarkTake(b *testing.B) {
	s := settings("127.0.0.1:1")
	s.PublishMin = 3
	offered := &offers{}
	f := New(s, Events{Values: func() []Value { return []Value{offered} }}, 1)
	b.ReportAllocs()
	for b.Loop() {
		f.collect(time.Time{})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(offered.deltas)), "ns/delta")
}

// offers is a value whose deltas are all too rare.
type offers struct{ deltas [1000]Delta }

func (o *offers) Deltas(take func(*Delta) bool) {
	for i := range o.deltas {
		take(&o.deltas[i])
	}
}

func (*offers) Merge(*Total) {}
