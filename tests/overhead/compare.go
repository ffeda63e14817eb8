// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"math"
	"os"
)

// contender is a receiver that is compared with another one.
type contender struct {
	binary   string // of this program, in whichever version; empty: this one
	settings string // as JSON
}

// compared is the outcome: time in BPF programs a request, both ends, of the second contender by that of the first.
type compared struct {
	Ratio  float64   `json:"ratio"`  // median of the pairs
	Ratios []float64 `json:"ratios"` // of each pair, the geometric mean of both orders
	Ours   float64   `json:"this_ns"`
	Theirs float64   `json:"with_ns"`
}

// measureCompared runs two receivers at once, so that both see the same packets: what differs between neighbouring runs cancels
// out, and a few pairs tell differences of two percent. The programs that were attached first run first, and wait for the
// memory that the others then find in the cache, which is why each pair has both orders. What a socket calls back for is the
// socket's, so settings that differ in that (tcp::max_rows) cannot be compared: each gets what either has asked for.
func measureCompared(ctx context.Context, o options) (any, error) {
	server, err := startServer(ctx)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	var result compared
	var ours, theirs []float64
	for range o.pairs {
		product := 1.0
		for first := range 2 {
			ns, err := sideBySide(ctx, server, first, o)
			if err != nil {
				return nil, err
			}
			product *= ns[1] / ns[0]
			ours, theirs = append(ours, ns[0]), append(theirs, ns[1])
			fmt.Fprintf(os.Stderr, "%.0f and %.0f ns, %s attached first: %.3f\n", ns[0], ns[1], [2]string{"this", "the other"}[first], ns[1]/ns[0])
		}
		result.Ratios = append(result.Ratios, math.Round(1000*math.Sqrt(product))/1000)
	}
	result.Ratio, result.Ours, result.Theirs = median(result.Ratios), median(ours), median(theirs)
	return result, nil
}

// sideBySide returns what a request takes in the programs of each contender while both run, in ns.
func sideBySide(ctx context.Context, server *webServer, first int, o options) (ns [2]float64, err error) {
	var agents [2]*agent
	var clocks [2]*clock
	for _, i := range [2]int{first, 1 - first} {
		if agents[i], err = startAgentOf(ctx, o.contenders[i].binary, o.signals, o.contenders[i].settings); err != nil {
			return ns, err
		}
	}
	settling := o
	settling.duration = o.settle
	if _, err := server.saturate(ctx, settling); err != nil {
		return ns, err
	}
	for i, a := range agents {
		if clocks[i], err = startClock(a.cmd.Process.Pid); err != nil {
			return ns, err
		}
	}
	requests, err := server.saturate(ctx, o)
	if err != nil {
		return ns, err
	}
	for i, c := range clocks {
		ran, err := c.stop()
		if err != nil {
			return ns, err
		}
		ns[i] = ran.nanoseconds() / requests
	}
	for i, a := range agents {
		if _, err := a.stop(); err != nil {
			return ns, fmt.Errorf("end contender %d: %w", i, err)
		}
	}
	return ns, nil
}
