// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
)

// steadyRate is the requests a second for which a cost is promised; both ends of each are seen.
const steadyRate = 10000

// steady is the outcome at a steady rate; latencies in microseconds.
type steady struct {
	Without    map[string]float64 `json:"without_us"`
	With       map[string]float64 `json:"with_us"`
	UserCore   float64            `json:"user_cores"`   // CPU time of the receiver's process a second
	KernelCore float64            `json:"kernel_cores"` // of its programs
	Want       float64            `json:"want_cores"`   // of both
	Told       float64            `json:"told"`         // of all exchanges, while the budget settles, too
}

// measureSteady measures CPU time and latencies with the default settings and both signals.
func measureSteady(ctx context.Context, o options) (any, error) {
	server, err := startServer(ctx)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	shares := map[string]float64{"p50": 0.5, "p90": 0.9, "p99": 0.99}
	without, with := map[string][]float64{}, map[string][]float64{}
	var user, kernel, told []float64
	for range o.pairs {
		alone, err := server.pace(ctx, steadyRate, o)
		if err != nil {
			return nil, err
		}
		a, err := startAgent(ctx, "traces,metrics", "{}")
		if err != nil {
			return nil, err
		}
		warming := o
		warming.duration = warm
		early, err := server.pace(ctx, steadyRate, warming)
		if err != nil {
			return nil, err
		}
		clock, err := startClock(a.cmd.Process.Pid)
		if err != nil {
			return nil, err
		}
		before := processCPU(a.cmd.Process.Pid)
		under, err := server.pace(ctx, steadyRate, o)
		if err != nil {
			return nil, err
		}
		user = append(user, (processCPU(a.cmd.Process.Pid)-before)/o.duration.Seconds())
		run, err := clock.stop()
		if err != nil {
			return nil, err
		}
		kernel = append(kernel, run.nanoseconds()/float64(o.duration.Nanoseconds()))
		said, err := a.stop()
		if err != nil {
			return nil, err
		}
		told = append(told, float64(said.Spans)/float64(2*(early.sent+under.sent)))
		for name, share := range shares {
			without[name], with[name] = append(without[name], alone.percentile(share)), append(with[name], under.percentile(share))
		}
		fmt.Fprintf(os.Stderr, "user %.4f kernel %.4f cores, p99 %.0f -> %.0f us\n", user[len(user)-1], kernel[len(kernel)-1],
			alone.percentile(0.99), under.percentile(0.99))
	}
	r := steady{Without: map[string]float64{}, With: map[string]float64{}, UserCore: median(user), KernelCore: median(kernel), Want: 0.04, Told: median(told)}
	for name := range shares {
		r.Without[name], r.With[name] = median(without[name]), median(with[name])
	}
	return r, nil
}
