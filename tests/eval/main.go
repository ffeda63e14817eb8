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

// volumes are the shares of traces that are kept when recall is measured.
var volumes = [...]float64{0.01, 0.05}

// result is one kind of fault of one day.
type result struct {
	Day    string                      `json:"day"`
	Fault  string                      `json:"fault"`
	Traces int                         `json:"traces"`
	AUC    float64                     `json:"auc"`
	Simple [len(detectors)]float64     `json:"simple"`
	Best   float64                     `json:"best_simple"`
	Recall [len(volumes)][2][2]float64 `json:"recall"` // by volume; of all or of normal traces; ours, tail_sampling's
}

// summary is the last line.
type summary struct {
	Eval    string   `json:"eval"`
	Results []result `json:"results"`
	Mean    float64  `json:"mean_auc"`
	Best    float64  `json:"mean_best_simple"`
	Gain    float64  `json:"gain"`
	Every   bool     `json:"every_kind_at_least_best_simple"`
}

func main() {
	data := flag.String("data", "", "folder with the days")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *data, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "eval:", err)
		os.Exit(1) //nolint:forbidigo // the end of main
	}
}

// run evaluates every day of the folder. A folder that is not there is no fault: the data is not part of the repository.
func run(ctx context.Context, folder string, out io.Writer) error {
	if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) {
		_, err := fmt.Fprintf(out, "no data in %q: run make eval DATA=folder\n{\"eval\":\"skipped\"}\n", folder)
		return err
	}
	days, err := loadFolder(folder)
	if err != nil {
		return err
	}
	if len(days) == 0 {
		return fmt.Errorf("folder %q has no DAY.faults.csv", folder)
	}
	s := summary{Eval: "learned outliers", Every: true}
	if _, err := fmt.Fprint(out, header()); err != nil {
		return err
	}
	for _, d := range days {
		results, err := d.evaluate(ctx)
		if err != nil {
			return fmt.Errorf("evaluate day %q: %w", d.name, err)
		}
		for _, r := range results {
			if _, err := fmt.Fprint(out, r.row()); err != nil {
				return err
			}
		}
		s.Results = append(s.Results, results...)
	}
	for _, r := range s.Results {
		s.Mean += r.AUC / float64(len(s.Results))
		s.Best += r.Best / float64(len(s.Results))
		s.Every = s.Every && r.AUC >= r.Best
	}
	s.Gain = s.Mean - s.Best
	if _, err := fmt.Fprintf(out, "\nmean over kinds: %.3f, best simple detector of each kind %.3f, gain %+.3f\n", s.Mean, s.Best, s.Gain); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(s)
}

// evaluate measures all detectors on every kind of fault of the day.
func (d *day) evaluate(ctx context.Context) ([]result, error) {
	simple := d.simple()
	ours, err := d.product(ctx)
	if err != nil {
		return nil, err
	}
	results := make([]result, len(d.kinds))
	for i, kind := range d.kinds {
		r := result{Day: d.name, Fault: kind, AUC: d.area(kind, ours)}
		for n := range simple {
			r.Simple[n] = d.area(kind, simple[n])
			r.Best = max(r.Best, r.Simple[n])
		}
		for _, t := range d.traces {
			if t.counted && t.kind == kind {
				r.Traces++
			}
		}
		results[i] = r
	}
	latencies := d.latencies()
	for v, volume := range volumes {
		for n, normalOnly := range [...]bool{false, true} {
			at := d.threshold(volume, normalOnly, ours)
			kept, err := d.tailSampling(ctx, d.threshold(volume, normalOnly, latencies))
			if err != nil {
				return nil, err
			}
			for i, kind := range d.kinds {
				results[i].Recall[v][n] = [2]float64{
					d.recall(kind, func(t *trace) bool { return ours[t] >= at }),
					d.recall(kind, func(t *trace) bool { return kept[t] }),
				}
			}
		}
	}
	return results, nil
}

func header() string {
	return fmt.Sprintf("AUC by kind of fault; recall of learned outliers / of tail_sampling with a latency policy, when %v %% and %v %% of all (of the normal) traces are kept\n\n"+
		"%-12s %-15s %6s | %8s | %s %s %s %s | %15s %15s %15s %15s\n",
		100*volumes[0], 100*volumes[1], "day", "fault", "traces", "learned", detectors[0], detectors[1], detectors[2], detectors[3],
		"1 % of all", "1 % of normal", "5 % of all", "5 % of normal")
}

func (r *result) row() string {
	pair := func(p [2]float64) string { return fmt.Sprintf("%.3f / %.3f", p[0], p[1]) }
	return fmt.Sprintf("%-12s %-15s %6d | %8.3f | %10.3f %11.3f %12.3f %14.3f | %15s %15s %15s %15s\n",
		r.Day, r.Fault, r.Traces, r.AUC, r.Simple[0], r.Simple[1], r.Simple[2], r.Simple[3],
		pair(r.Recall[0][0]), pair(r.Recall[0][1]), pair(r.Recall[1][0]), pair(r.Recall[1][1]))
}
