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
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(1) //nolint:forbidigo // the end of main
	}
}

// arguments are what was asked for.
type arguments struct {
	config, processor, rules, against, packs string
	json                                     bool
	files                                    []string
}

func parse(args []string, usage io.Writer) (arguments, error) {
	var a arguments
	flags := flag.NewFlagSet("replay", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.Usage = func() {
		_, _ = fmt.Fprintln(usage, "usage: replay [flags] FILE... (OTLP as the file exporter writes it)") // nowhere to report it
		flags.PrintDefaults()
	}
	flags.StringVar(&a.config, "config", "", "YAML `file` of a collector, or of the processor alone; without it the defaults")
	flags.StringVar(&a.processor, "processor", "risk", "`id` of the processor in that file")
	flags.StringVar(&a.packs, "packs", "", "`names` of rule packs to add, with commas between them")
	flags.StringVar(&a.rules, "rules", "", "rules `file` to add")
	flags.StringVar(&a.against, "against", "", "rules `file` to use in place of -rules for the comparison")
	flags.BoolVar(&a.json, "json", false, "print one JSON object instead of text")
	if err := flags.Parse(args); err != nil {
		return a, err
	}
	if a.files = flags.Args(); len(a.files) == 0 {
		return a, errors.New("name at least one file to replay; -h says how")
	}
	return a, nil
}

// run replays the files and writes the report.
func run(ctx context.Context, args []string, out, usage io.Writer) error {
	a, err := parse(args, usage)
	if err != nil {
		return err
	}
	inputs, err := open(a.files)
	if err != nil {
		return err
	}
	defer inputs.close()
	sets := []string{a.rules}
	if a.against != "" {
		sets = append(sets, a.against)
	}
	r := &replay{}
	defer r.close(context.WithoutCancel(ctx))
	for _, rules := range sets {
		if err := r.add(ctx, &a, rules); err != nil {
			return err
		}
	}
	if err := r.run(ctx, inputs); err != nil {
		return err
	}
	report := r.report()
	if a.json {
		return json.NewEncoder(out).Encode(report)
	}
	return report.write(out)
}
