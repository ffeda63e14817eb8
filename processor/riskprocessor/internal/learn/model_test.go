// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// trained returns a scorer that has seen so many traces of traffic, one a tenth of a second, and the time now.
func trained(t testing.TB, traces int) (*Model, *Scorer, *rand.Rand, time.Duration) {
	t.Helper()
	m := New(1024)
	s, r := m.NewScorer(), rand.New(rand.NewPCG(1, 2))
	now := time.Duration(0)
	for range traces {
		now += 100 * time.Millisecond
		s.Score(now, traffic(r, 6))
	}
	return m, s, r, now
}

func TestWhatIsUsualScoresLow(t *testing.T) {
	_, s, r, now := trained(t, 2000)
	high := 0
	for range 2000 {
		now += 100 * time.Millisecond
		if s.Score(now, traffic(r, 6)).Score > 0.3 {
			high++
		}
	}
	if high > 20 {
		t.Errorf("%d of 2000 usual traces score above 0.3", high)
	}
}

func TestWhatIsUnusual(t *testing.T) {
	cases := map[string]struct {
		change func([]Span) []Span
		part   func(Verdict) float64
	}{
		"slow span":     {func(s []Span) []Span { s[1].End += 1e9; return s }, func(v Verdict) float64 { return v.Latency }},
		"missing child": {func(s []Span) []Span { return s[:len(s)-1] }, func(v Verdict) float64 { return v.Structure }},
		"cut short":     {func(s []Span) []Span { s[0].End = s[0].Start + 1e5; return s[:1] }, func(v Verdict) float64 { return v.Structure }},
		"new child": {func(s []Span) []Span {
			return append(s, Span{ID: 4711, Parent: s[0].ID, Operation: 999, Start: s[0].Start, End: s[0].Start + 1})
		}, func(v Verdict) float64 { return v.Structure }},
		"failed": {func(s []Span) []Span { s[2].Failed = true; return s }, func(v Verdict) float64 { return v.Failure }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, s, r, now := trained(t, 3000)
			usual := s.Score(now, traffic(r, 6))
			v := s.Score(now, c.change(traffic(r, 6)))
			if v.Score < 8*usual.Score || c.part(v) < 8*c.part(usual) {
				t.Errorf("usual %+v, unusual %+v", usual, v)
			}
		})
	}
}

// One odd span is an accident, many in a minute are a fault; a minute or two later they are forgotten.
func TestFaultsComeInTime(t *testing.T) {
	_, s, r, now := trained(t, 3000)
	slower := func(factor int64) []Span {
		spans := traffic(r, 6)
		spans[3].End = spans[3].Start + factor*1e6
		return spans
	}
	first := s.Score(now, slower(2)).Score
	var last float64
	for range 150 {
		now += 300 * time.Millisecond
		last = s.Score(now, slower(2)).Score
	}
	if last < 0.9 || first > 0.1 {
		t.Errorf("the first call that takes twice as long scores %v, the 150th %v", first, last)
	}
	now += 10 * time.Minute
	if after := s.Score(now, traffic(r, 6)).Score; after > 0.1 {
		t.Errorf("ten minutes later a usual trace scores %v", after)
	}
}

func TestScoreDoesNotDependOnTheOrderOfSpans(t *testing.T) {
	m, _, r, now := trained(t, 500)
	snapshot := m.encode()
	spans := traffic(r, 6) // every operation occurs once
	var want Verdict
	for i := range 20 {
		if err := m.decode(snapshot); err != nil {
			t.Fatal(err)
		}
		got := m.NewScorer().Score(now, spans)
		if i == 0 {
			want = got
		}
		if diff := got.Score - want.Score; diff > 1e-9 || diff < -1e-9 {
			t.Fatalf("found %+v, want %+v", got, want)
		}
		r.Shuffle(len(spans), func(a, b int) { spans[a], spans[b] = spans[b], spans[a] })
	}
}

func TestSnapshotKeepsWhatWasLearned(t *testing.T) {
	m, _, r, now := trained(t, 1500)
	restored := New(1024)
	if err := restored.Restore(bytes.NewReader(snapshotOf(t, m))); err != nil {
		t.Fatal(err)
	}
	if restored.Operations() != m.Operations() {
		t.Fatalf("%d operations of %d", restored.Operations(), m.Operations())
	}
	now += time.Hour // the levels are no part of it: let them fade
	a, b := m.NewScorer(), restored.NewScorer()
	for range 100 {
		spans := traffic(r, 6) // the tails are fitted at other times: scores of outliers differ a little
		if x, y := a.Score(now, spans), b.Score(now, spans); x.Score-y.Score > 0.01 || y.Score-x.Score > 0.01 {
			t.Fatalf("before %+v, after %+v", x, y)
		}
	}
}

func snapshotOf(t *testing.T, m *Model) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := m.Snapshot(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestSnapshotFaults(t *testing.T) {
	m, _, _, _ := trained(t, 100)
	good := m.encode()
	before := m.Operations()
	for name, bad := range map[string][]byte{
		"empty":         {},
		"other version": append([]byte{9}, good[1:]...),
		"cut":           good[:len(good)-3],
	} {
		if err := m.decode(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if m.Operations() != before {
		t.Error("a snapshot with a fault changed the model")
	}
}

// Any bytes are refused or give a model that scores.
func FuzzRestore(f *testing.F) {
	m, _, r, _ := trained(f, 60)
	f.Add(m.encode())
	f.Add(New(1).encode())
	f.Add(slices.Concat(m.encode(), []byte{1, 2, 3}))
	spans := traffic(r, 6)
	f.Fuzz(func(t *testing.T, data []byte) {
		restored := New(256)
		if err := restored.decode(data); err != nil {
			if restored.Operations() != 0 {
				t.Fatal("an error changed the model")
			}
			return
		}
		if err := New(256).decode(restored.encode()); err != nil {
			t.Fatalf("what was restored cannot be saved and restored: %v", err)
		}
		for range 3 {
			if v := restored.NewScorer().Score(time.Second, spans); !(v.Score >= 0 && v.Score <= 1) {
				t.Fatalf("the score is %v", v.Score)
			}
		}
	})
}

func TestOperationsAreBounded(t *testing.T) {
	m := New(MinOperations)
	s := m.NewScorer()
	for i := range uint64(10000) {
		s.Score(time.Second, []Span{{ID: 1, Operation: i}})
	}
	if m.Operations() > MinOperations || s.Losses.Refused != int64(10000-m.Operations()) {
		t.Errorf("%d operations, %d spans refused", m.Operations(), s.Losses.Refused)
	}
	for i := range uint64(100) {
		s.Score(time.Hour, []Span{{ID: 1, Operation: 20000 + i}})
	}
	if s.Losses.Evicted == 0 || m.Operations() > MinOperations {
		t.Errorf("%d idle operations made room, %d are there", s.Losses.Evicted, m.Operations())
	}
}

func TestManyScorersAtOnce(t *testing.T) {
	m := New(256)
	var wg sync.WaitGroup
	for i := range uint64(8) {
		wg.Go(func() {
			s, r := m.NewScorer(), rand.New(rand.NewPCG(i, i))
			for n := range 200 {
				if v := s.Score(time.Duration(n)*time.Second, traffic(r, 6)); !(v.Score >= 0 && v.Score <= 1) {
					t.Errorf("score %v", v.Score)
				}
				if n%50 == 0 {
					m.encode()
				}
			}
		})
	}
	wg.Wait()
}

// The sizes that the documentation states.
func TestSnapshotSize(t *testing.T) {
	m, _, _, _ := trained(t, 1000)
	if perOperation := len(m.encode()) / m.Operations(); perOperation > 2048 {
		t.Errorf("an operation takes %d bytes of a snapshot", perOperation)
	}
	if bytes.Equal(m.encode(), New(1).encode()) {
		t.Error("the snapshot is empty")
	}
}
