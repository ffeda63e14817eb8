// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/tests/kafka/broker"
)

const (
	// killSenders is how many goroutines send while the broker is killed; several, so that requests are on their way.
	killSenders = 8
	// killEvery is the number of payloads that must have been delivered between two kills.
	killEvery = 120
	kills     = 3
)

// TestBrokerKilledUnderTrafficCostsNoSpanAndRepeatsNone kills a broker without warning while it is written to, so that
// some requests are lost before it read them, and of others only the answer. What it had in its log survives, because
// the page cache does.
func TestBrokerKilledUnderTrafficCostsNoSpanAndRepeatsNone(t *testing.T) {
	b := useOwnBroker(t)
	const topic, encoding = "killed", "otlp_proto"
	if err := b.CreateTopic(t.Context(), topic, partitions); err != nil {
		t.Fatal(err)
	}
	exporter := traces.start(t, b, topic, encoding, settings{
		traces.byTrace:     true,
		"sending_queue":    map[string]any{"enabled": false}, // so that a send returns when its spans are delivered
		"retry_on_failure": map[string]any{"max_elapsed_time": 0},
		"producer":         map[string]any{"compression": "lz4"},
	})
	s := startSenders(t, exporter)
	for kill := range kills {
		s.await((kill + 1) * killEvery)
		t.Logf("kill %d after %d payloads", kill+1, s.delivered.Load())
		killAndRestart(t, b)
	}
	s.await((kills + 1) * killEvery)
	sent := s.stop()
	exporter.stop(t)

	var found []item
	for _, record := range readBack(t, b, topic) {
		items, err := traces.items(encoding, record.Value)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, items...)
	}
	requireExactlyOnce(t, sent, found)
	t.Logf("%d spans, each once", len(sent))
}

func killAndRestart(t *testing.T, b *broker.Broker) {
	t.Helper()
	if err := b.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := b.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// senders send payload after payload until they are stopped.
type senders struct {
	t         *testing.T
	stopping  atomic.Bool
	delivered atomic.Int64
	// progress gets a value, if there is room, whenever a payload was delivered or a sender has ended.
	progress chan struct{}
	running  sync.WaitGroup
	mu       sync.Mutex // guards sent
	sent     []item
}

func startSenders(t *testing.T, exporter running[ptrace.Traces]) *senders {
	s := &senders{t: t, progress: make(chan struct{}, 1)}
	for n := range killSenders {
		s.running.Go(func() { s.loop(t.Context(), newMaker(uint64(n+1)), exporter) })
	}
	return s
}

// loop sends until it is told to stop; a payload that was begun is always seen through.
func (s *senders) loop(ctx context.Context, m *maker, exporter running[ptrace.Traces]) {
	for !s.stopping.Load() {
		payload := m.traces()
		items := splitTraces(payload)
		if err := exporter.send(ctx, payload); err != nil {
			s.t.Errorf("send: %v", err)
			s.stopping.Store(true)
		}
		s.mu.Lock()
		s.sent = append(s.sent, items...)
		s.mu.Unlock()
		s.delivered.Add(1)
		select {
		case s.progress <- struct{}{}:
		default:
		}
	}
}

// await returns when that many payloads have been delivered, or fails the test if a sender gave up.
func (s *senders) await(payloads int) {
	s.t.Helper()
	for s.delivered.Load() < int64(payloads) {
		if s.stopping.Load() {
			s.t.Fatalf("stopped after %d payloads", s.delivered.Load())
		}
		<-s.progress
	}
}

// stop ends the senders and returns what they sent.
func (s *senders) stop() []item {
	s.stopping.Store(true)
	s.running.Wait()
	return s.sent
}
