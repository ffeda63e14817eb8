// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"math/rand/v2"
	"testing"
	"time"
)

// The self time is what remains of a span when every instant that a child covers is taken away; checked by counting
// instants one by one.
func TestSelfTimeByCounting(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	var tr tree
	for range 500 {
		spans := make([]Span, 1+r.IntN(12))
		for i := range spans {
			start := int64(r.IntN(40))
			spans[i] = Span{ID: uint64(i + 1), Parent: uint64(r.IntN(len(spans) + 2)), Operation: uint64(r.IntN(4)), Start: start, End: start + int64(r.IntN(30))}
		}
		tr.build(spans)
		for i, s := range spans {
			want := int64(0)
			for at := s.Start; at < s.End; at++ {
				covered := false
				for j, c := range spans {
					covered = covered || j != i && c.Parent == s.ID && c.Start <= at && at < c.End
				}
				if !covered {
					want++
				}
			}
			if tr.nodes[i].self != want {
				t.Fatalf("self time of span %d is %d, want %d: %+v", i, tr.nodes[i].self, want, spans)
			}
		}
	}
}

func TestChildSetsAreSets(t *testing.T) {
	var tr tree
	hash := func(operations ...uint64) uint32 {
		spans := []Span{{ID: 1, Operation: 100}}
		for i, op := range operations {
			spans = append(spans, Span{ID: uint64(i + 2), Parent: 1, Operation: op})
		}
		tr.build(spans)
		_, h := tr.childSet(&tr.nodes[0])
		return h
	}
	if hash(5, 6, 7) != hash(7, 5, 6, 6, 5) {
		t.Error("order or repetition changes the set")
	}
	if hash(5, 6) == hash(5, 7) || hash(5, 6) == hash(5) || hash() == hash(5) {
		t.Error("different sets have the same hash")
	}
}

// Ids that repeat, parents that are missing and spans that are their own parents are all just spans.
func TestTreesThatAreNone(t *testing.T) {
	var tr tree
	tr.build([]Span{{ID: 1, Parent: 1}, {ID: 1, Parent: 2}, {ID: 2, Parent: 1}, {ID: 3, Parent: 77}, {}})
	if len(tr.nodes) != 5 {
		t.Errorf("%d nodes", len(tr.nodes))
	}
	tr.build(nil)
	if len(tr.nodes) != 0 || len(tr.groups) != 0 {
		t.Error("an empty trace has spans")
	}
}

// Who chooses names and ids of spans chooses not how long a trace takes: 2^15 spans at most 20 times as long as ordinary ones.
func TestNoTraceTakesQuadraticTime(t *testing.T) {
	const n = 1 << 15
	build := func(id, operation func(i uint64) uint64) time.Duration {
		spans := []Span{{ID: 1}}
		for i := range uint64(n) {
			spans = append(spans, Span{ID: id(i), Parent: 1, Operation: operation(i), Start: int64(i)})
		}
		var tr tree
		best := time.Hour
		for range 3 {
			begin := time.Now()
			tr.build(spans)
			for i := range spans {
				tr.childSet(&tr.nodes[i])
			}
			best = min(best, time.Since(begin))
		}
		return best
	}
	r := rand.New(rand.NewPCG(11, 12))
	random := func(uint64) uint64 { return r.Uint64() }
	few := func(i uint64) uint64 { return i % 8 }
	// Ids that differ only where an odd factor carries it out of the lower half, with what the shift before it brings down.
	chosen := func(i uint64) uint64 { return i<<47 ^ i<<47>>32 }
	usual := build(random, few)
	for name, took := range map[string]time.Duration{"names": build(random, random), "ids": build(chosen, few)} {
		if took > 20*usual {
			t.Errorf("with chosen %s it takes %v, usually %v", name, took, usual)
		}
	}
}
