// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"math/rand/v2"
	"testing"
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
