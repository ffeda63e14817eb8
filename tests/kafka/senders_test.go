// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// senderCount is how many goroutines send at once; several, so that requests are on their way when a fault comes.
const senderCount = 8

// senders send payload after payload until they are stopped.
type senders struct {
	t         *testing.T
	stopping  atomic.Bool
	delivered atomic.Int64
	// progress gets a value, if there is room, whenever a payload was delivered or a sender has given up.
	progress chan struct{}
	running  sync.WaitGroup
	mu       sync.Mutex // guards sent
	sent     []item
}

func startSenders(t *testing.T, exporter running[ptrace.Traces]) *senders {
	s := &senders{t: t, progress: make(chan struct{}, 1)}
	for n := range senderCount {
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

// awaitMore returns when that many further payloads have been delivered, or fails the test if a sender gave up.
func (s *senders) awaitMore(payloads int64) {
	s.t.Helper()
	for want := s.delivered.Load() + payloads; s.delivered.Load() < want; {
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
