// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parseOptions(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// run plays the role that the command line asks for.
func run(ctx context.Context, o options) error {
	switch o.child {
	case "":
		return measure(ctx, o, os.Stdout)
	case brokerChild:
		return serveBroker(os.Stdin, os.Stdout, 0)
	case lateChild:
		return serveBroker(os.Stdin, os.Stdout, late)
	case exporterChild:
		return runExporter(ctx, os.Stdin, os.Stdout)
	default:
		return fmt.Errorf("`-child` takes %q, %q and %q, found %q", brokerChild, lateChild, exporterChild, o.child)
	}
}

// measure runs the parts, printing a table of each, and ends with the line of JSON. A part that fails is named in that
// line, does not keep the others from running, and makes the whole fail.
func measure(ctx context.Context, o options, out io.Writer) error {
	r := newReport()
	var faults []error
	for _, part := range allParts {
		if !slices.Contains(o.parts, part) {
			continue
		}
		if err := r.measure(ctx, part, o, out); err != nil {
			err = fmt.Errorf("measure %s: %w", part, err)
			faults = append(faults, err)
			r.Faults = append(r.Faults, err.Error())
		}
	}
	return errors.Join(append(faults, r.writeJSON(out))...)
}

// measure runs one part.
func (r *report) measure(ctx context.Context, part string, o options, out io.Writer) (err error) {
	switch part {
	case "receiver":
		r.Receiver, err = goBenchmarks(ctx, out, o.receiver())
	case "processor":
		r.Processor, err = goBenchmarks(ctx, out, o.processor())
	case "exporter":
		r.Exporter, err = compareExporters(ctx, out, o)
		for _, name := range slices.Sorted(maps.Keys(r.Exporter)) {
			if !r.Exporter[name].Met {
				r.Missed = append(r.Missed, name)
			}
		}
	}
	return err
}
