// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"
)

// mode is a way to run the receiver.
type mode struct {
	name, signals, settings string
	want                    float64 // share of the requests that must be kept
}

// warm is for how long the host is saturated before the receiver is measured: its budget takes some seconds to settle.
const warm = 6 * time.Second

// modes are what is promised.
var modes = []mode{
	{"metrics", "metrics", `{}`, 0.97},
	{"spans", "traces", `{"cpu_budget":0}`, 0.82},
	{"budget", "traces,metrics", `{}`, 0.92},
}

// saturated is the outcome for one mode.
type saturated struct {
	Pairs    int     `json:"pairs"`
	Kept     float64 `json:"kept"` // median of the pairs
	Lowest   float64 `json:"lowest"`
	Highest  float64 `json:"highest"`
	Want     float64 `json:"want"`
	Without  float64 `json:"without_rps"`
	CPUShare float64 `json:"user_cpu_share"` // of the host, the receiver's process
	Told     float64 `json:"told"`           // spans of all exchanges, both ends, while the budget settles, too
	Followed float64 `json:"followed"`       // connections of all, at the end; 0: there is no budget
	Lost     int64   `json:"lost"`
	// Missed is what the receiver's own telemetry says about losses on connections of HTTP/2, by reason: of these,
	// stream_missed counts exchanges, and is in Lost, too; the others count places in their bytes.
	Missed map[string]int64 `json:"streams"`
}

// missed adds up the reasons that stand for exchanges that may be neither told nor counted.
func (s *saturated) missed() int64 {
	return s.Missed["stream_ring_full"] + s.Missed["stream_gap"] + s.Missed["stream_missed"]
}

// measureSaturated compares what nginx and wrk do alone with what they do under the receiver, both ends being seen.
func measureSaturated(ctx context.Context, o options) (any, error) {
	server, err := startServer(ctx)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	return compareModes(ctx, server, o)
}

// measureHTTP2 is the same with HTTP/2 in clear text, whose bytes the receiver reads in user space, with a third of the
// pairs: with one stream a connection, as wrk does, and with several on few.
func measureHTTP2(streams string, connections int) func(context.Context, options) (any, error) {
	return func(ctx context.Context, o options) (any, error) {
		server, err := startServerOf(ctx, "http2")
		if err != nil {
			return nil, err
		}
		defer server.stop()
		server.h2load = []string{"-c" + strconv.Itoa(connections), "-m" + streams}
		o.pairs = (o.pairs + 2) / 3
		return compareModes(ctx, server, o)
	}
}

// compareModes takes turns between the host alone and each of the modes. What is not said to be a median is of the last pair.
func compareModes(ctx context.Context, server *webServer, o options) (map[string]saturated, error) {
	results := map[string]saturated{}
	kept, without := map[string][]float64{}, map[string][]float64{}
	for pair := range o.pairs {
		for i := range modes {
			m := modes[(i+pair)%len(modes)]
			alone, err := server.saturate(ctx, o)
			if err != nil {
				return nil, err
			}
			under, r, err := underAgent(ctx, server, m, o)
			if err != nil {
				return nil, err
			}
			kept[m.name], without[m.name] = append(kept[m.name], under/alone), append(without[m.name], alone/o.duration.Seconds())
			results[m.name] = r
			fmt.Fprintf(os.Stderr, "%-8s %8.0f alone %8.0f under it: %.3f, told %.3f, missed %d\n", m.name, alone, under, under/alone, r.Told, r.missed())
		}
	}
	for _, m := range modes {
		r := results[m.name]
		r.Kept, r.Lowest, r.Highest = median(kept[m.name]), slices.Min(kept[m.name]), slices.Max(kept[m.name])
		r.Pairs = o.pairs
		r.Without, r.Want = median(without[m.name]), m.want
		results[m.name] = r
	}
	return results, nil
}

// underAgent saturates the host while the receiver runs.
func underAgent(ctx context.Context, server *webServer, m mode, o options) (requests float64, r saturated, err error) {
	a, err := startAgent(ctx, m.signals, m.settings)
	if err != nil {
		return 0, r, err
	}
	warming := o
	warming.duration = warm
	early, err := server.saturate(ctx, warming)
	if err != nil {
		return 0, r, err
	}
	before := processCPU(a.cmd.Process.Pid) // loading the programs is not what is measured
	requests, err = server.saturate(ctx, o)
	cpu := processCPU(a.cmd.Process.Pid) - before
	said, stopErr := a.stop()
	if err != nil {
		return 0, r, err
	}
	r.CPUShare = cpu / o.duration.Seconds() / processors
	r.Told = float64(said.Spans) / (2 * (early + requests))
	r.Followed = said.Followed
	r.Lost, r.Missed = said.Metrics["lost"], said.Streams
	return requests, r, stopErr
}

// median returns the middle of the values.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[len(sorted)/2] + sorted[(len(sorted)-1)/2]) / 2
}
