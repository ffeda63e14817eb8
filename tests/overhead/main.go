// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	pairs       int
	duration    time.Duration
	connections int

	// Of the part compare only.
	signals    string
	contenders [2]contender // this program, and another one
	settle     time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "overhead:", err)
		stop()
		os.Exit(1)
	}
}

// run plays the part, or the role of a child, that the command line names.
func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("name a part: kernel, saturate, http2, http2streams, steady, curve, memory or compare")
	}
	var o options
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.IntVar(&o.pairs, "pairs", 9, "measurements of each case, in turns")
	flags.DurationVar(&o.duration, "duration", 4*time.Second, "of one measurement")
	flags.IntVar(&o.connections, "connections", 50, "to the server")
	flags.StringVar(&o.signals, "signals", "traces", "compare: traces, metrics or both")
	flags.StringVar(&o.contenders[0].settings, "set", `{"cpu_budget":0}`, "compare: settings as JSON")
	flags.StringVar(&o.contenders[1].binary, "with", "", "compare: another build of this program; without: this one")
	flags.StringVar(&o.contenders[1].settings, "with-set", `{"cpu_budget":0}`, "compare: settings of the other as JSON")
	flags.DurationVar(&o.settle, "settle", time.Second, "compare: how long both run before they are measured")
	if args[0] == agentRole {
		return runAgent(ctx, os.Stdin, os.Stdout, args[1:])
	}
	if args[0] == holderRole && len(args) == 3 {
		return hold(ctx, args[1], args[2], os.Stdin, os.Stdout)
	}
	if err := flags.Parse(args[1:]); err != nil {
		return fmt.Errorf("read command line: %w", err)
	}
	results := map[string]any{"pairs": o.pairs, "seconds": o.duration.Seconds()}
	for name := range strings.SplitSeq(args[0], ",") {
		part, known := map[string]func(context.Context, options) (any, error){
			"kernel": measureKernel, "saturate": measureSaturated, "http2": measureHTTP2("1", 50), "http2streams": measureHTTP2("16", 8), "steady": measureSteady, "curve": measureCurve, "memory": measureMemory,
			"compare": measureCompared,
		}[name]
		if !known {
			return fmt.Errorf("no such part: %q", name)
		}
		result, err := part(ctx, o)
		if err != nil {
			return fmt.Errorf("measure %s: %w", name, err)
		}
		results[name] = result
	}
	return json.NewEncoder(os.Stdout).Encode(results)
}
