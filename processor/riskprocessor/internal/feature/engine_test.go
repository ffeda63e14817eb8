// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/window"
)

// rig is an engine with one feature of each sort on the entity "ip".
type rig struct {
	*Engine
	v                                      *Vector
	rate, count, distinctUser, distinctURL int
	sum, ratio, age, pairAge               int
}

func newRig() *rig {
	r := NewReader(1)
	ip := r.AddEntity(&Identity{Sources: []Source{{Key: "ip"}}})
	user := r.AddEntity(&Identity{Sources: []Source{{Key: "user"}}})
	g := &rig{Engine: NewEngine(r, newStore())}
	spec := Spec{Entity: ip, OfEntity: -1, OfSlot: -1, Period: window.Sliding(10 * time.Second), Entities: window.MinEntities}
	add := func(change func(*Spec)) int {
		s := spec
		change(&s)
		s.ID = fmt.Sprintf("%+v", s)
		return g.Add(&s)
	}
	g.rate = add(func(s *Spec) { s.Type = Rate })
	g.count = add(func(s *Spec) { s.Type = Count })
	g.distinctUser = add(func(s *Spec) { s.Type, s.OfEntity = Distinct, user })
	g.distinctURL = add(func(s *Spec) { s.Type, s.OfSlot = Distinct, r.Slot("url") })
	g.sum = add(func(s *Spec) { s.Type, s.OfSlot = Sum, r.Slot("amount") })
	g.ratio = add(func(s *Spec) { s.Type, s.AtLeast = Ratio, 2 })
	g.age = add(func(s *Spec) { s.Type = FirstSeen })
	g.pairAge = add(func(s *Spec) { s.Type, s.OfEntity, s.WarmUp = FirstSeen, user, 3*time.Second })
	g.v = g.NewVector()
	return g
}

// observe shows a span to the engine; counted says whether the features count it.
func (g *rig) observe(t *testing.T, counted bool, attrs map[string]any) {
	t.Helper()
	read(t, g.reader, g.v, ptrace.SpanKindServer, nil, attrs)
	for i := range g.v.Counted {
		g.v.Counted[i] = counted
	}
	g.Observe([]*Vector{g.v}, time.Hour)
}

func (g *rig) values() []Value {
	return []Value{g.v.Features[g.rate], g.v.Features[g.count], g.v.Features[g.distinctUser], g.v.Features[g.distinctURL]}
}

func TestEngineNumbersIncludeTheSpan(t *testing.T) {
	g := newRig()
	g.observe(t, true, map[string]any{"ip": "a", "user": "u1", "url": "/1"})
	g.observe(t, true, map[string]any{"ip": "a", "user": "u2", "url": "/1"})
	assert.Equal(t, []Value{number(0.2), number(2), number(2), number(1)}, g.values())
}

func TestEngineKeepsEntitiesApart(t *testing.T) {
	g := newRig()
	g.observe(t, true, map[string]any{"ip": "a", "user": "u1", "url": "/1"})
	g.observe(t, true, map[string]any{"ip": "b", "user": "u1", "url": "/2"})
	assert.Equal(t, []Value{number(0.1), number(1), number(1), number(1)}, g.values())
}

func TestEngineReadsWithoutCounting(t *testing.T) {
	g := newRig()
	g.observe(t, true, map[string]any{"ip": "a", "user": "u1", "url": "/1"})
	for range 3 {
		g.observe(t, false, map[string]any{"ip": "a", "user": "u2", "url": "/2"})
		assert.Equal(t, []Value{number(0.1), number(1), number(1), number(1)}, g.values())
	}
}

func TestEngineHasNoNumberWithoutTheEntity(t *testing.T) {
	g := newRig()
	g.observe(t, true, map[string]any{"ip": "a", "user": "u1", "url": "/1"})
	g.observe(t, true, map[string]any{"user": "u1", "url": "/1"})
	assert.Equal(t, []Value{{}, {}, {}, {}}, g.values())
}

func TestEngineDoesNotCountAnAbsentElement(t *testing.T) {
	g := newRig()
	g.observe(t, true, map[string]any{"ip": "a"})
	assert.Equal(t, []Value{number(0.1), number(1), number(0), number(0)}, g.values())
}

func TestEngineReportsWhatItCouldNotStore(t *testing.T) {
	g := newRig()
	const spans = 20 * window.MinEntities
	for i := range spans {
		g.observe(t, true, map[string]any{"ip": i, "user": "u", "url": "/"})
	}
	for _, feature := range []int{g.rate, g.count, g.distinctUser, g.distinctURL} {
		assert.Positive(t, g.v.Evicted[feature])
		assert.Positive(t, g.v.Refused[feature])
		stored := spans - g.v.Evicted[feature] - g.v.Refused[feature]
		assert.LessOrEqual(t, stored, int64(window.MinEntities))
	}
}

// TestEngineTakesManyAsOneByOne: to observe records together gives every record the numbers that it would get alone.
func TestEngineTakesManyAsOneByOne(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	joint, alone := newRig(), newRig()
	fill := func(g *rig, v *Vector, attrs map[string]any, counted bool) {
		read(t, g.reader, v, ptrace.SpanKindServer, nil, attrs)
		for i := range v.Counted {
			v.Counted[i], v.Matched[i] = counted, len(attrs)%2 == 0
		}
	}
	for round := range 100 {
		now := time.Hour + time.Duration(round)*time.Second/3
		var vectors []*Vector
		var want [][]Value
		for range 1 + random.IntN(3*together) {
			attrs := map[string]any{"ip": random.IntN(5), "url": random.IntN(20), "user": random.IntN(9), "amount": random.IntN(100)}
			for key := range attrs {
				if random.IntN(6) == 0 {
					delete(attrs, key)
				}
			}
			counted := random.IntN(4) > 0
			fill(alone, alone.v, attrs, counted)
			alone.Observe([]*Vector{alone.v}, now)
			v := joint.NewVector()
			fill(joint, v, attrs, counted)
			vectors, want = append(vectors, v), append(want, slices.Clone(alone.v.Features))
		}
		joint.Observe(vectors, now)
		for i, v := range vectors {
			require.Equal(t, want[i], v.Features)
		}
	}
}

func TestSumRatioAndFirstSeen(t *testing.T) {
	g := newRig()
	at := func(now time.Duration, counted, matched bool, attrs map[string]any) {
		read(t, g.reader, g.v, ptrace.SpanKindServer, nil, attrs)
		for i := range g.v.Counted {
			g.v.Counted[i], g.v.Matched[i] = counted, matched
		}
		g.Observe([]*Vector{g.v}, now)
	}
	got := func() []Value {
		return []Value{g.v.Features[g.sum], g.v.Features[g.ratio], g.v.Features[g.age], g.v.Features[g.pairAge]}
	}
	const start = time.Hour
	at(start, true, true, map[string]any{"ip": "a", "user": "u", "amount": 2.5})
	assert.Equal(t, []Value{number(2.5), {}, number(0), {}}, got(), "no ratio of one, no pair before the warm-up is over")
	at(start+time.Second, true, false, map[string]any{"ip": "a", "user": "u", "amount": "many"})
	assert.Equal(t, []Value{number(2.5), number(0.5), number(1), {}}, got(), "what is no number adds nothing")
	at(start+2*time.Second, true, false, map[string]any{"ip": "a", "amount": -1})
	assert.Equal(t, []Value{number(1.5), number(1.0 / 3), number(2), {}}, got())
	at(start+3*time.Second, false, true, map[string]any{"ip": "a", "user": "u", "amount": math.Inf(1)})
	assert.Equal(t, []Value{number(1.5), number(1.0 / 3), number(3), number(3)}, got(), "a look changes nothing")
	at(start+4*time.Second, true, true, map[string]any{"ip": "a", "user": "new"})
	assert.Equal(t, []Value{number(1.5), number(0.5), number(4), number(0)}, got())
	at(start+5*time.Second, true, true, map[string]any{"user": "new"})
	assert.Equal(t, []Value{{}, {}, {}, {}}, got(), "nobody has no numbers")
}

// TestTheSameIsCountedOnce: features that count the same share a table, in which every record must be counted once.
func TestTheSameIsCountedOnce(t *testing.T) {
	r := NewReader(1)
	ip := r.AddEntity(&Identity{Sources: []Source{{Key: "ip"}}})
	store := newStore()
	e := NewEngine(r, store)
	spec := Spec{ID: "requests", Type: Count, Entity: ip, Period: window.Sliding(time.Minute), Entities: window.MinEntities}
	ratio := Spec{ID: "failures", Type: Ratio, Entity: ip, Period: window.Sliding(time.Minute), Entities: window.MinEntities, AtLeast: 1}
	late := ratio
	late.AtLeast = 3
	for _, s := range []*Spec{&spec, &ratio, &spec, &late, &late} {
		e.Add(s)
	}
	vectors := []*Vector{e.NewVector(), e.NewVector(), e.NewVector(), e.NewVector()}
	for i, v := range vectors {
		attrs := map[string]any{"ip": "a"}
		if i == 3 {
			attrs = nil
		}
		read(t, r, v, ptrace.SpanKindServer, nil, attrs)
		for i := range v.Counted {
			v.Counted[i], v.Matched[i] = true, true
		}
	}
	e.Observe(vectors, time.Hour)
	none := Value{}
	assert.Equal(t, []Value{number(1), number(1), number(1), none, none}, vectors[0].Features)
	assert.Equal(t, []Value{number(2), number(1), number(2), none, none}, vectors[1].Features)
	assert.Equal(t, []Value{number(3), number(1), number(3), number(1), number(1)}, vectors[2].Features, "the third of both ratios")
	assert.Equal(t, []Value{none, none, none, none, none}, vectors[3].Features)
	assert.Len(t, store.entries, 3)
	e.Close()
	assert.Empty(t, store.entries)
}

func number(n float64) Value { return Value{Kind: Double, Double: n} }
