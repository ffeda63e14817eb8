// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
)

// point is what became of the exchanges at one rate, without a budget: both ends of every request.
type point struct {
	Wanted  float64 `json:"wanted_rps"`
	Rate    float64 `json:"rps"`
	Told    float64 `json:"told"`
	Thinned int64   `json:"thinned"`
	Lost    int64   `json:"lost"`
	Missing int64   `json:"missing"` // neither told nor thinned nor lost
}

// measureCurve raises the rate, up to what wrk and nginx can do.
func measureCurve(ctx context.Context, o options) (any, error) {
	server, err := startServer(ctx)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	var points []point
	for _, rate := range []float64{10000, 25000, 50000, 75000, 0} {
		a, err := startAgent(ctx, "traces", `{"cpu_budget":0}`)
		if err != nil {
			return nil, err
		}
		sent, err := server.offer(ctx, rate, o)
		if err != nil {
			return nil, err
		}
		said, err := a.stop()
		if err != nil {
			return nil, err
		}
		p := point{Wanted: rate, Rate: float64(sent) / o.duration.Seconds(), Told: float64(said.Spans) / float64(2*sent)}
		p.Thinned, p.Lost = said.Metrics["thinned"], said.Metrics["lost"]
		p.Missing = said.Metrics["requests"] - said.Spans - p.Thinned - p.Lost
		points = append(points, p)
		fmt.Fprintf(os.Stderr, "%+v\n", p)
	}
	return points, nil
}

// offer sends requests at a rate; 0: as fast as wrk can.
func (s *webServer) offer(ctx context.Context, rate float64, o options) (int64, error) {
	if rate == 0 {
		n, err := s.saturate(ctx, o)
		return int64(n), err
	}
	sent, err := s.pace(ctx, rate, o)
	if err != nil {
		return 0, err
	}
	return sent.sent, nil
}
