// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/wire"
)

// limits knows how large a batch each topic takes. It is safe for concurrent use.
type limits struct {
	ask     func(ctx context.Context, topic string) (int, error)
	refresh time.Duration
	now     func() time.Time

	mu    sync.Mutex
	known map[string]topicLimit
}

// topicLimit is what a broker said, or 0 when none did, and until when to believe it.
type topicLimit struct {
	bytes int
	until time.Time
}

func newLimits(ask func(context.Context, string) (int, error), refresh time.Duration, now func() time.Time) *limits {
	return &limits{ask: ask, refresh: refresh, now: now, known: make(map[string]topicLimit)}
}

// of returns the size of the largest batch that a topic takes, 0 if that is not known: brokers may refuse to say it. One
// caller asks, others wait for it; after a failure nobody asks for a while.
func (l *limits) of(ctx context.Context, topic string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if limit, known := l.known[topic]; known && l.now().Before(limit.until) {
		return limit.bytes
	}
	bytes, err := l.ask(ctx, topic)
	if err != nil {
		bytes = l.known[topic].bytes // what was true once is the best guess
	}
	l.known[topic] = topicLimit{bytes, l.now().Add(l.refresh)}
	return bytes
}

// again asks anew, because a broker has refused what should have fit.
func (l *limits) again(ctx context.Context, topic string) int {
	l.mu.Lock()
	known := l.known[topic]
	known.until = time.Time{}
	l.known[topic] = known
	l.mu.Unlock()
	return l.of(ctx, topic)
}

// askLimit returns a function that asks any broker over a connection of its own, since it is needed once in a while only.
func (e *kafkaExporter) askLimit(dialer *wire.Dialer) func(ctx context.Context, topic string) (int, error) {
	return func(ctx context.Context, topic string) (int, error) {
		// The attempt must have time left for what it is about.
		ctx, cancel := context.WithTimeout(ctx, e.timeout()/4)
		defer cancel()
		brokers := e.cluster(dialer)
		most, err := brokers.MaxMessageBytes(ctx, topic)
		if err = errors.Join(err, brokers.Close()); err != nil {
			e.settings.Logger.Info("The topic's max.message.bytes is not known; `producer::max_message_bytes` alone decides what is too large.",
				zap.String("topic", topic), zap.Error(err))
		}
		return most, err
	}
}
