// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// bins is the number of parts of the score histogram: 0 alone, then ten of a width of 0.1.
const bins = 11

// examples is the number of changed records that a report shows.
const examples = 10

// replay is a run over the files with one set of rules, or with two side by side.
type replay struct {
	sets   []*ruleset
	now    time.Duration // time of the records; never goes back
	first  time.Duration
	counts [2]uint64 // by kind
	skips  uint64    // requests without spans or log records
	tally  []tally   // by set
	change change
}

// tally is what one set of rules did.
type tally struct {
	kept, certain uint64
	histogram     [bins]uint64
	hits          map[string]uint64
}

// change is where the second set differs from the first.
type change struct {
	onlyFirst, onlySecond, higher, lower uint64
	examples                             []example
}

// example is a record that is scored or kept otherwise.
type example struct {
	Record string   `json:"record"`
	Score  float64  `json:"score"`
	Other  float64  `json:"score_against"`
	Keep   bool     `json:"keep"`
	Keeps  bool     `json:"keep_against"`
	Why    []string `json:"reasons"`
	Whys   []string `json:"reasons_against"`
}

// add starts the processor with one more set of rules.
func (r *replay) add(ctx context.Context, a *arguments, rules string) error {
	factory := factoryOf(func() time.Duration { return r.now })
	cfg, err := a.load(factory.CreateDefaultConfig(), rules)
	if err != nil {
		return err
	}
	set, err := newRuleset(ctx, cfg, factory)
	if err != nil {
		return err
	}
	r.sets, r.tally = append(r.sets, set), append(r.tally, tally{hits: map[string]uint64{}})
	return nil
}

func (r *replay) close(ctx context.Context) {
	for _, s := range r.sets {
		s.close(ctx)
	}
}

// run takes all requests through all sets.
func (r *replay) run(ctx context.Context, in inputs) error {
	for ctx.Err() == nil {
		request, err := in.take()
		if err != nil {
			return err
		}
		if request == nil {
			return nil
		}
		if err := r.take(ctx, request); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// take takes one request through all sets.
func (r *replay) take(ctx context.Context, in *request) error {
	if in.kind == neither {
		r.skips++
		return nil
	}
	if r.first == 0 {
		r.first = in.time
	}
	r.now = max(r.now, in.time)
	names := r.names(in)
	decisions := make([][]decision, len(r.sets))
	for i, set := range r.sets {
		var err error
		if decisions[i], err = set.score(ctx, in); err != nil {
			return fmt.Errorf("score records: %w", err)
		}
		if len(decisions[i]) != len(names) {
			return fmt.Errorf("score records: %d of %d came out of a dry run", len(decisions[i]), len(names))
		}
		for j := range decisions[i] {
			r.tally[i].add(&decisions[i][j], set.certain)
		}
	}
	if len(r.sets) > 1 {
		for j, name := range names {
			r.change.add(name, &decisions[0][j], &decisions[1][j])
		}
	}
	r.counts[in.kind] += uint64(len(names))
	return nil
}

// names names the records of a request, and gives log records that have no random bits to be sampled by some that are the
// same in every replay.
func (r *replay) names(in *request) []string {
	var names []string
	if in.kind == spans {
		for _, rs := range in.traces.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, span := range ss.Spans().All() {
					names = append(names, fmt.Sprintf("span %s/%s %s", span.TraceID(), span.SpanID(), span.Name()))
				}
			}
		}
		return names
	}
	for _, rl := range in.logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, record := range sl.LogRecords().All() {
				number := r.counts[logRecords] + uint64(len(names)) + 1
				names = append(names, fmt.Sprintf("log record %d", number))
				if record.TraceID().IsEmpty() {
					giveRandomness(record.Attributes(), number)
				}
			}
		}
	}
	return names
}

// giveRandomness writes the attribute that log records carry 56 random bits in, unless they do.
func giveRandomness(attrs pcommon.Map, number uint64) {
	const key = "sampling.randomness"
	if _, has := attrs.Get(key); has {
		return
	}
	h := fnv.New64a()
	_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, number)) // a hash never fails
	x := h.Sum64()
	x = (x ^ x>>31) * 0x9e3779b97f4a7c15
	attrs.PutStr(key, fmt.Sprintf("%014x", x>>8))
}

func (t *tally) add(d *decision, certain float64) {
	if d.keep {
		t.kept++
	}
	if d.score >= certain {
		t.certain++
	}
	t.histogram[binOf(d.score)]++
	for _, reason := range d.reasons {
		t.hits[reason]++
	}
}

// binOf is the part of the histogram that a score belongs to: 0 for none, i for scores in (0.1 (i-1), 0.1 i].
func binOf(score float64) int {
	for i := range bins - 1 {
		if score <= float64(i)/10+1e-9 {
			return i
		}
	}
	return bins - 1
}

func (c *change) add(name string, a, b *decision) {
	switch {
	case a.keep && !b.keep:
		c.onlyFirst++
	case b.keep && !a.keep:
		c.onlySecond++
	}
	switch {
	case b.score > a.score:
		c.higher++
	case b.score < a.score:
		c.lower++
	}
	if len(c.examples) < examples && (a.keep != b.keep || a.score != b.score) {
		c.examples = append(c.examples, example{name, a.score, b.score, a.keep, b.keep, slices.Clone(a.reasons), slices.Clone(b.reasons)})
	}
}
