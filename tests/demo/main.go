// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Command demo shows the whole way in half a minute: a small shop, a crowd that behaves well most of the time, the
// collector that watches them, and a live table of what reached Kafka, with a summary in which both ends have to agree.
//
//	demo
//	 +- broker (in memory) <-----------------------------+
//	 +- collector, distro/config/demo.yaml --------------+
//	 +- catalog, payment, recommendations, storefront    |   watched at their sockets,
//	 +- crowd                                            |   or sending spans over OTLP
//	 +- table, summary  <--------------------------------+
//
// Every line is a process of its own, except those without a name of a program: these are goroutines of demo. Nothing
// outlives it. It ends with exit code 0 only if every span is accounted for.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

func main() {
	if err := start(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// start runs the demo, or one of its programs when called as "demo work …".
func start(args []string) error {
	if len(args) > 0 && args[0] == workCommand {
		return work(args[1:])
	}
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first Ctrl-C ends the demo in good order. From then on the signal does what it always does.
	context.AfterFunc(ctx, stop)
	return run(ctx, o)
}

// Inputs of the collector.
const (
	inputEBPF = "ebpf"
	inputOTLP = "otlp"
)

// options are what the demo can be told.
type options struct {
	duration  time.Duration
	input     string
	binary    string
	config    string
	explained string // why input is what it is
}

func parse(args []string) (options, error) {
	o := options{}
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.DurationVar(&o.duration, "duration", 30*time.Second, "how long the shop is open")
	flags.StringVar(&o.input, "input", "", "ebpf (needs root), otlp, or empty: whichever is possible")
	flags.StringVar(&o.binary, "collector", os.Getenv("OTELCOL_RISK_BIN"), "the collector's executable; else bin/otelcol-risk of this repository")
	flags.StringVar(&o.config, "config", "", "the collector's configuration; else distro/config/demo.yaml of this repository")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.duration <= 0 {
		return o, fmt.Errorf("-duration must be positive, found %v", o.duration)
	}
	if err := o.choose(os.Geteuid()); err != nil {
		return o, err
	}
	return o, o.locate()
}

// choose decides where the spans come from.
func (o *options) choose(uid int) error {
	switch o.input {
	case inputEBPF:
		o.explained = "from their sockets"
	case inputOTLP:
		o.explained = "from the spans that they send over OTLP"
	case "":
		o.input, o.explained = inputEBPF, "from their sockets"
		if runtime.GOOS != "linux" || uid != 0 {
			o.input = inputOTLP
			o.explained = "from the spans that they send over OTLP, because\nto watch their sockets needs root on Linux"
		}
	default:
		return fmt.Errorf("-input must be %q, %q or empty, found %q", inputEBPF, inputOTLP, o.input)
	}
	return nil
}

// locate finds the files that were not named in the repository that we are in.
func (o *options) locate() error {
	for file, path := range map[string]*string{"bin/otelcol-risk": &o.binary, "distro/config/demo.yaml": &o.config} {
		if *path != "" {
			continue
		}
		found, err := above(file)
		if err != nil {
			return err
		}
		*path = found
	}
	return nil
}

// above looks for a file in this folder and in those above it.
func above(file string) (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find %s: %w", file, err)
	}
	for {
		path := filepath.Join(folder, file)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		if folder == filepath.Dir(folder) {
			return "", fmt.Errorf("find %s: it is not in this folder nor above: run make demo in the repository", file)
		}
		folder = filepath.Dir(folder)
	}
}
