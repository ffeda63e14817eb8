// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/tests/kafka/broker"
)

// steadily is the number of payloads that must have been delivered between two faults.
const steadily = 100

// startBehindProxy runs a broker of the test's own with a topic, and an exporter that reaches it through a proxy.
func startBehindProxy(t *testing.T, topic string, producer map[string]any) (*broker.Broker, *proxy, running[ptrace.Traces]) {
	t.Helper()
	p := startProxy(t)
	b := useOwnBroker(t, p.addr())
	p.connect(b.Behind())
	if err := b.CreateTopic(t.Context(), topic, partitions); err != nil {
		t.Fatal(err)
	}
	return b, p, traces.start(t, []string{p.addr()}, topic, "otlp_proto", settings{
		traces.byTrace:     true,
		"sending_queue":    map[string]any{"enabled": false}, // so that a send returns when its spans are delivered
		"retry_on_failure": map[string]any{"max_elapsed_time": 0},
		"producer":         producer,
	})
}

// TestLostAnswersCostNoSpanAndRepeatNone loses the answers to requests that the broker has carried out, so that only the
// broker's memory of sequences keeps the repetition out of the log.
func TestLostAnswersCostNoSpanAndRepeatNone(t *testing.T) {
	const topic, faults = "lost-answers", 12
	b, p, exporter := startBehindProxy(t, topic, map[string]any{"compression": "lz4"})
	s := startSenders(t, exporter)
	for range faults {
		s.awaitMore(steadily)
		p.lose(t)
		p.cut()
	}
	s.awaitMore(steadily)
	sent := s.stop()
	exporter.stop(t)
	requireExactlyOnce(t, sent, readItems(t, b, topic))
	t.Logf("%d spans, each once", len(sent))
}

// TestALostAnswerIsADuplicateWithoutIdempotence shows that the tests around it can fail.
func TestALostAnswerIsADuplicateWithoutIdempotence(t *testing.T) {
	const topic = "duplicates"
	b, p, exporter := startBehindProxy(t, topic, map[string]any{"delivery": "at_least_once"})
	s := startSenders(t, exporter)
	for range 3 {
		s.awaitMore(steadily)
		p.lose(t)
		p.cut()
	}
	s.awaitMore(steadily)
	sent := s.stop()
	exporter.stop(t)
	if d := diff(sent, readItems(t, b, topic)); d.missing != 0 || d.repeated == 0 || d.unknown != 0 {
		t.Errorf("of %d items %v, want repeated ones and nothing else", len(sent), d)
	}
}

// TestBrokerKilledUnderTrafficCostsNoSpanAndRepeatsNone kills the broker while it is written to and after it has carried
// out requests whose answers were lost. What it had in its log survives, because the page cache does, and so must its
// memory of sequences, which it reads from that log when it comes back.
func TestBrokerKilledUnderTrafficCostsNoSpanAndRepeatsNone(t *testing.T) {
	const topic, faults = "killed", 3
	b, p, exporter := startBehindProxy(t, topic, map[string]any{"compression": "zstd"})
	s := startSenders(t, exporter)
	for kill := range faults {
		s.awaitMore(steadily)
		p.lose(t)
		if err := b.Kill(); err != nil {
			t.Fatal(err)
		}
		p.cut()
		began := time.Now()
		if err := b.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		back := time.Since(began)
		s.awaitMore(1)
		t.Logf("kill %d: broker back after %v, traffic after %v", kill+1, back, time.Since(began))
	}
	s.awaitMore(steadily)
	sent := s.stop()
	exporter.stop(t)
	requireExactlyOnce(t, sent, readItems(t, b, topic))
	t.Logf("%d spans, each once", len(sent))
}

// readItems returns all spans of a topic.
func readItems(t *testing.T, b *broker.Broker, topic string) (found []item) {
	t.Helper()
	for _, record := range readBack(t, b, topic) {
		items, err := traces.items("otlp_proto", record.Value)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, items...)
	}
	return found
}
