// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"hash/maphash"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/window"
)

// rig is an engine with one feature of each sort on the entity "ip".
type rig struct {
	*Engine
	v                                      *Vector
	rate, count, distinctUser, distinctURL int
}

func newRig() *rig {
	r := NewReader(maphash.MakeSeed())
	ip := r.AddEntity([]Source{{Key: "ip"}})
	user := r.AddEntity([]Source{{Key: "user"}})
	g := &rig{Engine: NewEngine(r)}
	spec := Spec{Entity: ip, OfEntity: -1, Window: 10 * time.Second, Entities: window.MinEntities}
	add := func(change func(*Spec)) int {
		s := spec
		change(&s)
		return g.Add(s, 1)
	}
	g.rate = add(func(s *Spec) { s.Type = Rate })
	g.count = add(func(s *Spec) { s.Type = Count })
	g.distinctUser = add(func(s *Spec) { s.Type, s.OfEntity = Distinct, user })
	g.distinctURL = add(func(s *Spec) { s.Type, s.OfSlot = Distinct, r.Slot("url") })
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
	g.Observe(g.v, 0)
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
