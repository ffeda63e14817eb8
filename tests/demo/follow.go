// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/demo/summary"
	"github.com/otelcol-risk/otelcol-risk/tests/demo/table"
	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// follower reads the spans back from Kafka, shows each and counts them.
type follower struct {
	reader *harness.Reader
	table  *table.Table
	cancel context.CancelFunc
	ended  chan struct{}
	failed chan error // why it ended, unless it was told to

	mu struct {
		sync.Mutex // guards the following
		seen       map[spanKey]struct{}
		doubled    int
		estimate   estimate
	}
}

// spanKey is what no two spans have in common.
type spanKey struct {
	trace [16]byte
	span  [8]byte
}

// follow begins to read. The follower has to be closed.
func follow(broker string, out io.Writer, colour bool) (*follower, error) {
	reader, err := harness.NewReader(broker, topic)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &follower{
		reader: reader, table: table.New(out, colour, time.Local), cancel: cancel,
		ended: make(chan struct{}), failed: make(chan error, 1),
	}
	f.mu.seen, f.mu.estimate = map[spanKey]struct{}{}, estimate{}
	go f.run(ctx)
	return f, nil
}

func (f *follower) run(ctx context.Context) {
	defer close(f.ended)
	if err := f.table.Header(); err != nil {
		f.failed <- err
		return
	}
	for {
		spans, err := f.reader.Poll(ctx)
		if ctx.Err() != nil {
			return
		}
		for _, span := range spans {
			err = errors.Join(err, f.take(span))
		}
		if err != nil {
			f.failed <- err
			return
		}
	}
}

func (f *follower) take(span harness.Span) error {
	weight, err := harness.Weight(span.TraceState().AsRaw())
	if err != nil {
		return err
	}
	key := spanKey{span.TraceID(), span.SpanID()}
	f.mu.Lock()
	if _, ok := f.mu.seen[key]; ok {
		f.mu.doubled++
	} else {
		f.mu.estimate.add(key.trace, weight)
	}
	f.mu.seen[key] = struct{}{}
	f.mu.Unlock()
	return f.table.Span(span)
}

// count writes what was read so far into a summary.
func (f *follower) count(s *summary.Summary) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.InKafka, s.Doubled = len(f.mu.seen), f.mu.doubled
	s.Estimate, s.Deviation = f.mu.estimate.total()
}

// close ends the reading and waits until it has.
func (f *follower) close() {
	f.cancel()
	<-f.ended
	f.reader.Close()
}
