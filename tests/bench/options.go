// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// options are the command line.
type options struct {
	// parts are the parts to run, in the order of allParts.
	parts []string
	// pairs is how often each exporter is measured. Positive.
	pairs int
	// duration is the measured time of one run of an exporter, benchtime that of one Go benchmark.
	duration, benchtime time.Duration
	// root is the repository.
	root string
	// filter selects cases of the exporter part whose name contains it; "" is all.
	filter string
	// linger is the linger setting of contrib's exporter.
	linger time.Duration
	// child is set only by this program, for its own children.
	child string
}

// allParts are the parts in the order in which they run.
var allParts = []string{"receiver", "processor", "exporter"}

// What -short sets unless the flag itself is given.
const (
	shortPairs     = 1
	shortDuration  = 200 * time.Millisecond
	shortBenchtime = 20 * time.Millisecond
)

// parseOptions reads the command line; usage and complaints go to w.
func parseOptions(args []string, w io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(w)
	parts := flags.String("run", strings.Join(allParts, ","), "`parts` to run, separated by commas")
	short := flags.Bool("short", false, "run everything once and briefly")
	flags.IntVar(&o.pairs, "pairs", 3, "measurements of each exporter, in turns")
	flags.DurationVar(&o.duration, "duration", 800*time.Millisecond, "measured time of one run of an exporter")
	flags.DurationVar(&o.benchtime, "benchtime", 200*time.Millisecond, "measured time of one run of a Go benchmark")
	flags.StringVar(&o.root, "root", "../..", "`folder` of the repository")
	flags.StringVar(&o.filter, "case", "", "only exporter cases whose name contains `text`, as in logs/zstd")
	flags.DurationVar(&o.linger, "contrib-linger", 10*time.Millisecond, "producer::linger of contrib's exporter, whose default is 10ms")
	flags.StringVar(&o.child, "child", "", "used by this program itself")
	if err := flags.Parse(args); err != nil {
		return options{}, fmt.Errorf("read command line: %w", err)
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if *short {
		o.shorten(given)
	}
	o.parts = strings.Split(*parts, ",")
	return o, o.validate()
}

func (o *options) shorten(given map[string]bool) {
	if !given["pairs"] {
		o.pairs = shortPairs
	}
	if !given["duration"] {
		o.duration = shortDuration
	}
	if !given["benchtime"] {
		o.benchtime = shortBenchtime
	}
}

func (o *options) validate() error {
	for _, part := range o.parts {
		if !slices.Contains(allParts, part) {
			return fmt.Errorf("`-run` takes %q, found %q", allParts, part)
		}
	}
	if o.pairs <= 0 {
		return fmt.Errorf("`-pairs` must be positive, found %d", o.pairs)
	}
	if o.duration <= 0 || o.benchtime <= 0 {
		return fmt.Errorf("`-duration` and `-benchtime` must be positive, found %v and %v", o.duration, o.benchtime)
	}
	if o.linger < 0 {
		return fmt.Errorf("`-contrib-linger` must not be negative, found %v", o.linger)
	}
	return nil
}
