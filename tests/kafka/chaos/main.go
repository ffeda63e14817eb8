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
	"syscall"

	"github.com/otelcol-risk/otelcol-risk/tests/kafka/broker"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := plan{log: os.Stderr}
	release := flag.String("release", "4", "4 or 3: the line of releases")
	flag.IntVar(&p.kills, "kills", 100, "brokers to kill")
	flag.IntVar(&p.restarts, "restarts", 6, "brokers to restart in order, one after the other")
	flag.IntVar(&p.rate, "rate", 300, "requests a second, while the cluster takes them")
	flag.Parse()
	p.release = broker.Kafka4
	if *release == "3" {
		p.release = broker.Kafka3
	}
	if err := report(ctx, p, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		stop()
		os.Exit(1)
	}
}

// report runs the plan and prints the outcome, also of a run that found something wrong, or whose brokers would not end.
func report(ctx context.Context, p plan, out io.Writer) error {
	found, failed := p.run(ctx)
	if found == (outcome{}) {
		return failed
	}
	line, err := json.Marshal(found)
	if err != nil {
		return errors.Join(failed, err)
	}
	_, err = fmt.Fprintln(out, string(line))
	return errors.Join(failed, err, found.verdict())
}
