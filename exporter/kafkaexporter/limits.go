// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"
)

// limits knows how large a batch each topic takes. It is safe for concurrent use.
type limits struct {
	ask     func(ctx context.Context, topic string) (int, error)
	refresh time.Duration
	now     func() time.Time

	mu    sync.Mutex // guards the following
	known map[string]topicLimit
	asked map[string]chan struct{} // topics that somebody asks for now; closed once that is over
}

// topicLimit is what a broker said, or 0 when none did, and until when to believe it.
type topicLimit struct {
	bytes int
	until time.Time
}

func newLimits(ask func(context.Context, string) (int, error), refresh time.Duration, now func() time.Time) *limits {
	return &limits{ask: ask, refresh: refresh, now: now, known: make(map[string]topicLimit), asked: make(map[string]chan struct{})}
}

// of returns the size of the largest batch that a topic takes, 0 if that is not known: brokers may refuse to say it. One
// caller asks for a topic, others wait for it as long as their context lasts; after a failure nobody asks for a while.
func (l *limits) of(ctx context.Context, topic string) int {
	for {
		limit, answered := l.find(topic)
		switch {
		case answered == nil && limit.until.IsZero():
			return l.inquire(ctx, topic)
		case answered == nil:
			return limit.bytes
		}
		select {
		case <-answered:
		case <-ctx.Done():
			return limit.bytes
		}
	}
}

// find returns what is known of a topic, or, if that is not to be believed, what was known, with a time of zero. If somebody asks
// for it, answered is closed afterwards; else the caller does.
func (l *limits) find(topic string) (limit topicLimit, answered <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	limit = l.known[topic]
	if l.now().Before(limit.until) {
		return limit, nil
	}
	limit.until = time.Time{}
	if other := l.asked[topic]; other != nil {
		return limit, other
	}
	l.asked[topic] = make(chan struct{})
	return limit, nil
}

// inquire asks, without the lock: a broker may be slow, and others know their topics.
func (l *limits) inquire(ctx context.Context, topic string) int {
	bytes, err := l.ask(ctx, topic)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		bytes = l.known[topic].bytes // what was true once is the best guess
	}
	if ctx.Err() == nil {
		l.known[topic] = topicLimit{bytes, l.now().Add(l.refresh)}
	} // else the caller had no time for it, and the next one has
	close(l.asked[topic])
	delete(l.asked, topic)
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

// askLimit asks the brokers that the producer knows.
func (e *kafkaExporter) askLimit(ctx context.Context, topic string) (int, error) {
	// The attempt must have time left for what it is about.
	ctx, cancel := context.WithTimeout(ctx, e.timeout()/4)
	defer cancel()
	most, err := e.producer.MaxMessageBytes(ctx, topic)
	if err != nil {
		e.settings.Logger.Info("The topic's max.message.bytes is not known; `producer::max_message_bytes` alone decides what is too large.",
			zap.String("topic", topic), zap.Error(err))
	}
	return most, err
}
