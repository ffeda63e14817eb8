// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// report is the outcome of a replay.
type report struct {
	Spans   uint64    `json:"spans"`
	Logs    uint64    `json:"log_records"`
	Skipped uint64    `json:"requests_without_spans_or_logs"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Rules   outcome   `json:"rules"`
	Against *outcome  `json:"against,omitempty"`
	Changes *changes  `json:"changes,omitempty"`
}

// outcome is what one set of rules did.
type outcome struct {
	Kept      uint64            `json:"kept"`
	KeepRate  float64           `json:"keep_rate"`
	Certain   uint64            `json:"at_or_above_keep_above"`
	Histogram [bins]uint64      `json:"score_histogram"` // 0, then up to and with 0.1, 0.2, ... 1
	Hits      map[string]uint64 `json:"rule_hits"`
}

// changes are what the second set does otherwise.
type changes struct {
	OnlyRules   uint64    `json:"kept_only_by_rules"`
	OnlyAgainst uint64    `json:"kept_only_by_against"`
	Higher      uint64    `json:"scored_higher_by_against"`
	Lower       uint64    `json:"scored_lower_by_against"`
	Examples    []example `json:"examples"`
}

func (r *replay) report() *report {
	out := &report{
		Spans: r.counts[spans], Logs: r.counts[logRecords], Skipped: r.skips,
		From: time.Unix(0, int64(r.first)).UTC(), To: time.Unix(0, int64(r.now)).UTC(),
		Rules: r.outcome(0),
	}
	if len(r.sets) > 1 {
		against, c := r.outcome(1), &r.change
		out.Against = &against
		out.Changes = &changes{c.onlyFirst, c.onlySecond, c.higher, c.lower, c.examples}
	}
	return out
}

func (r *replay) outcome(set int) outcome {
	t := &r.tally[set]
	all := r.counts[spans] + r.counts[logRecords]
	return outcome{t.kept, float64(t.kept) / float64(max(1, all)), t.certain, t.histogram, t.hits}
}

// write writes the report as text.
func (r *report) write(out io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "replayed %d spans and %d log records, from %s to %s", r.Spans, r.Logs, r.From.Format(time.RFC3339Nano), r.To.Format(time.RFC3339Nano))
	if r.Skipped > 0 {
		fmt.Fprintf(&b, "; passed over %d requests without either", r.Skipped)
	}
	fmt.Fprint(&b, "\n\n")
	columns := []*outcome{&r.Rules}
	titles := []any{"", "rules"}
	if r.Against != nil {
		columns, titles = append(columns, r.Against), append(titles, "against")
	}
	row := func(name string, value func(*outcome) string) {
		fmt.Fprintf(&b, "%-40s", name)
		for _, c := range columns {
			fmt.Fprintf(&b, " %12s", value(c))
		}
		fmt.Fprintln(&b)
	}
	fmt.Fprintf(&b, "%-40s"+strings.Repeat(" %12s", len(columns))+"\n", titles...)
	row("kept", func(o *outcome) string { return fmt.Sprint(o.Kept) })
	row("keep rate", func(o *outcome) string { return fmt.Sprintf("%.2f %%", 100*o.KeepRate) })
	row("at or above keep_above", func(o *outcome) string { return fmt.Sprint(o.Certain) })
	fmt.Fprintln(&b)
	for i := range bins {
		name := "score 0"
		if i > 0 {
			name = fmt.Sprintf("score to %.1f", float64(i)/10)
		}
		row(name, func(o *outcome) string { return fmt.Sprint(o.Histogram[i]) })
	}
	fmt.Fprintln(&b)
	for _, rule := range r.reasons() {
		row(rule, func(o *outcome) string { return fmt.Sprint(o.Hits[rule]) })
	}
	if r.Changes != nil {
		r.Changes.write(&b)
	}
	_, err := b.WriteTo(out)
	return err
}

// reasons are all reasons that were given, in order.
func (r *report) reasons() []string {
	all := maps.Clone(r.Rules.Hits)
	if r.Against != nil {
		maps.Copy(all, r.Against.Hits)
	}
	return slices.Sorted(maps.Keys(all))
}

func (c *changes) write(b *bytes.Buffer) {
	fmt.Fprintf(b, "\nkept only by rules: %d, only by against: %d; scored higher by against: %d, lower: %d\n", c.OnlyRules, c.OnlyAgainst, c.Higher, c.Lower)
	keep := map[bool]string{true: "keep", false: "drop"}
	for i := range c.Examples {
		e := &c.Examples[i]
		fmt.Fprintf(b, "  %s: %.2f %s [%s] -> %.2f %s [%s]\n", e.Record,
			e.Score, keep[e.Keep], strings.Join(e.Why, " "), e.Other, keep[e.Keeps], strings.Join(e.Whys, " "))
	}
}
