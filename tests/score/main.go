// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	connections, pairs int
	duration, stopped  time.Duration
	bin                string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if slices.Equal(os.Args[1:], []string{echoChild}) {
		if err := serveEcho(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "score:", err)
			os.Exit(1)
		}
		return
	}
	o := options{bin: os.Getenv("OTELCOL_RISK_BIN")}
	flag.IntVar(&o.connections, "connections", 5000, "keep-alive connections")
	flag.IntVar(&o.pairs, "pairs", 5, "measurements of each server, in turns")
	flag.DurationVar(&o.duration, "duration", 5*time.Second, "time of one measurement")
	flag.DurationVar(&o.stopped, "stopped", 3*time.Second, "time that Redis is stopped for")
	flag.Parse()
	if o.bin == "" {
		o.bin = "../bin/otelcol-risk"
	}
	if err := measure(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "score:", err)
		stop()
		os.Exit(1)
	}
}

// report is the line of JSON.
type report struct {
	Connections int `json:"connections"`
	Pairs       int `json:"pairs"`
	// Ours and Echo are medians over the pairs.
	Ours load `json:"ours"`
	Echo load `json:"echo"`
	// RequestsRatio is ours over the plain server's, wanted 0.7 or more; P99Ratio likewise, wanted 2 or less. They are
	// medians of the ratios of pairs: the machine's speed changes less within a pair than from pair to pair.
	RequestsRatio float64 `json:"requests_ratio"`
	P99Ratio      float64 `json:"p99_ratio"`
	RedisStopped  outage  `json:"redis_stopped"`
}

// measure does everything and prints as it goes.
func measure(ctx context.Context, o options, out io.Writer) (err error) {
	redis, err := startRedis(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, redis.end()) }()
	collector, err := startCollector(ctx, o.bin, redis.addr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, collector.end()) }()
	echo, err := startEcho(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, echo.end()) }()

	r := report{Connections: o.connections, Pairs: o.pairs}
	if err := r.compare(ctx, o, collector, echo, out); err != nil {
		return err
	}
	if r.RedisStopped, err = stopRedis(ctx, o.stopped, collector, redis); err != nil {
		return err
	}
	line, err := json.Marshal(map[string]report{"score": r})
	if err == nil {
		_, err = fmt.Fprintf(out, "%s\n", line)
	}
	if err != nil {
		return fmt.Errorf("print report: %w", err)
	}
	return nil
}

// compare measures both servers in turns. Who is first changes from pair to pair.
func (r *report) compare(ctx context.Context, o options, collector, echo *process, out io.Writer) error {
	samples := map[*process][]load{}
	order := []*process{collector, echo}
	for range o.pairs {
		for _, server := range order {
			l, err := ask(ctx, server.addr, o.connections, o.duration)
			if err != nil {
				return fmt.Errorf("measure %s: %w", server.name, err)
			}
			if _, err := fmt.Fprintf(out, "%-10s %8.0f requests/s  p50 %7.2f ms  p99 %7.2f ms\n", server.name, l.PerSecond, l.P50, l.P99); err != nil {
				return fmt.Errorf("print: %w", err)
			}
			samples[server] = append(samples[server], l)
		}
		slices.Reverse(order)
	}
	r.Ours, r.Echo = medians(samples[collector]), medians(samples[echo])
	r.RequestsRatio = medianRatio(samples[collector], samples[echo], func(l load) float64 { return l.PerSecond })
	r.P99Ratio = medianRatio(samples[collector], samples[echo], func(l load) float64 { return l.P99 })
	return nil
}
