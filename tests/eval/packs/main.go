// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
)

const rowFormat = "%-22s %-38s %-38s %-18v %-18v %-18v %-18v %v\n"

// summary is the last line.
type summary struct {
	Eval string `json:"eval"`
	Rows []row  `json:"rows"`
}

func main() {
	data := flag.String("data", "", "folder with what scripts/eval-packs.sh has downloaded; without it only what a Go module carries")
	misses := flag.String("misses", "", "print the items of this class that were in sight and not as they should be")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *data, *misses, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "packs:", err)
		os.Exit(1) //nolint:forbidigo // the end of main
	}
}

// set is a set of items, loaded when it is its turn.
type set struct {
	name string
	load func() ([]item, error)
}

func sets(data string) []set {
	all := []set{
		{"OWASP CRS requests", loadCRS},
		{"ordinary requests", loadOrdinary},
	}
	if data == "" {
		return all
	}
	return append(all,
		set{"fail2ban log lines", func() ([]item, error) { return loadFail2ban(filepath.Join(data, "fail2ban")) }},
		set{"crawler-user-agents", func() ([]item, error) { return loadCrawlers(filepath.Join(data, "crawler-user-agents.json")) }},
		set{"user-agents", func() ([]item, error) { return loadBrowsers(filepath.Join(data, "user-agents.json")) }},
	)
}

// run measures every set and writes the table, or the misses of one class.
func run(ctx context.Context, data, misses string, out io.Writer) error {
	s := summary{Eval: "rule packs"}
	if _, err := fmt.Fprintf(out, rowFormat, "set", "class", "packs", "in sight", "held out", "in sight, CRS too", "held out, CRS too", "asked"); err != nil {
		return err
	}
	for _, set := range sets(data) {
		items, err := set.load()
		if err != nil {
			return fmt.Errorf("load %s: %w", set.name, err)
		}
		if misses != "" {
			if err := printMisses(ctx, misses, items, out); err != nil {
				return err
			}
			continue
		}
		rows, err := measure(ctx, set.name, items)
		if err != nil {
			return err
		}
		for _, r := range rows {
			what := "found by"
			if !r.Attack {
				what = "alarms of"
			}
			if _, err := fmt.Fprintf(out, rowFormat, r.Set, r.Class, what+" "+r.Packs, r.Sight, r.Held, r.SightCRS, r.HeldCRS, r.Asked); err != nil {
				return err
			}
		}
		s.Rows = append(s.Rows, rows...)
	}
	return json.NewEncoder(out).Encode(s)
}

// printMisses prints what is to be looked at when a pack is improved. What is held out stays out of sight.
func printMisses(ctx context.Context, class string, items []item, out io.Writer) error {
	reasons, err := reasonsOf(ctx, items)
	if err != nil {
		return err
	}
	for n := range items {
		i := &items[n]
		if i.class == class && !i.held && i.foundBy(reasons[n]) != i.attack {
			if _, err := fmt.Fprintf(out, "%v %q %v\n", i.attrs, i.body, reasons[n]); err != nil {
				return err
			}
		}
	}
	return nil
}
