// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/demo/summary"
	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// settleInterval is how often it is looked whether all spans have arrived.
const settleInterval = 100 * time.Millisecond

// finish ends everything in the direction of the data, so that nothing is cut off, and adds up.
func (d *demo) finish(ctx context.Context) (*summary.Summary, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*endWithin)
	defer cancel()
	s := &summary.Summary{}
	// The crowd was started last and has to go first; then the storefront, then what it depends on.
	for i := len(d.programs) - 1; i >= 0; i-- {
		p := d.programs[i]
		counts, err := p.Finish(ctx)
		if err != nil {
			return nil, err
		}
		s.Programs = append(s.Programs, summary.Program{Name: p.name, Tally: counts})
	}
	if err := d.settle(ctx, s); err != nil {
		return nil, err
	}
	if err := d.collector.Stop(endWithin); err != nil {
		return nil, err
	}
	d.follower.count(s)
	return s, nil
}

// settle waits until every span is accounted for. When that does not happen in time, the summary will say so.
func (d *demo) settle(ctx context.Context, s *summary.Summary) error {
	ctx, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	ticker := time.NewTicker(settleInterval)
	defer ticker.Stop()
	for {
		metrics, err := harness.Scrape(ctx, d.addr["telemetry"])
		switch {
		case err == nil:
			s.SampledOut, s.Losses = metrics.SampledOut(), metrics.Losses()
		case !errors.Is(err, context.DeadlineExceeded):
			return d.collector.Explain(fmt.Errorf("read the collector's telemetry: %w", err))
		}
		d.follower.count(s)
		if s.Accounted() >= s.Expected() {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}
