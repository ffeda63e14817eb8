// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/goleak"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var begin = time.Unix(1_800_000_000, 0)

func newStore(change func(*Settings)) *Store {
	s := Settings{HostName: "node-1", ScopeName: "scope", ScopeVersion: "1", MaxSeries: 4, Start: begin}
	if change != nil {
		change(&s)
	}
	return New(s)
}

func nginx(pid uint32) *procinfo.Process {
	return &procinfo.Process{PID: pid, Begun: uint64(pid), Executable: "/usr/sbin/nginx", Name: "nginx", ServiceName: "shop"}
}

func text(key, value string) *Attributes {
	a := &Attributes{}
	a.Text(key, value)
	return a
}

// only returns the only metric of the only resource.
func only(t *testing.T, all pmetric.Metrics) pmetric.Metric {
	t.Helper()
	require.Equal(t, 1, all.ResourceMetrics().Len())
	require.Equal(t, 1, all.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().Len())
	return all.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
}

func TestProcessesOfOneServiceShareASeries(t *testing.T) {
	s := newStore(nil)
	c := s.Counter("x", "What x is.", "{x}")
	c.Add(nginx(1), text("a", "b"), 2)
	c.Add(nginx(2), text("a", "b"), 3)
	all, n := s.Collect(begin.Add(time.Minute))
	assert.Equal(t, 1, n)
	assert.Equal(t, map[string]any{"host.name": "node-1", "service.name": "shop", "process.executable.name": "nginx"},
		all.ResourceMetrics().At(0).Resource().Attributes().AsRaw())
	m := only(t, all)
	assert.Equal(t, "x", m.Name())
	assert.Equal(t, "{x}", m.Unit())
	assert.True(t, m.Sum().IsMonotonic())
	p := m.Sum().DataPoints().At(0)
	assert.EqualValues(t, 5, p.IntValue())
	assert.Equal(t, begin, p.StartTimestamp().AsTime().Local())
	assert.Equal(t, begin.Add(time.Minute), p.Timestamp().AsTime().Local())
	assert.Equal(t, map[string]any{"a": "b"}, p.Attributes().AsRaw())
}

func TestSumsAreCumulative(t *testing.T) {
	s := newStore(nil)
	c := s.Counter("x", "", "")
	c.Add(nil, &Attributes{}, 1)
	s.Collect(begin.Add(time.Second))
	c.Add(nil, &Attributes{}, 1)
	all, _ := s.Collect(begin.Add(2 * time.Second))
	p := only(t, all).Sum().DataPoints().At(0)
	assert.EqualValues(t, 2, p.IntValue())
	assert.Equal(t, begin, p.StartTimestamp().AsTime().Local())
}

func TestTooManySeriesOverflow(t *testing.T) {
	s := newStore(nil)
	h := s.Histogram("x", "", RequestBounds())
	for i := range 10 {
		h.Record(nginx(1), text("a", fmt.Sprint(i)), time.Millisecond)
	}
	h.Record(nginx(1), text("a", "0"), time.Millisecond)
	all, n := s.Collect(begin.Add(time.Second))
	assert.Equal(t, 4, n)
	assert.EqualValues(t, 4, s.Series())
	assert.EqualValues(t, 7, s.Overflowed())
	require.Equal(t, 2, all.ResourceMetrics().Len())
	p := all.ResourceMetrics().At(1).ScopeMetrics().At(0).Metrics().At(0).Histogram().DataPoints().At(0)
	assert.Equal(t, map[string]any{"otel.metric.overflow": true}, p.Attributes().AsRaw())
	assert.EqualValues(t, 7, p.Count())
}

func TestScaledSeriesAreApartAlsoWhereTheyOverflow(t *testing.T) {
	s := newStore(nil)
	h := NewHTTP(s, RequestBounds())
	counts := make([]int64, len(RequestBounds().limits)+1)
	counts[0] = 8
	for status := range uint16(10) {
		for _, scaled := range []bool{false, true} {
			h.Add(&Request{Method: "GET", Status: 200 + status, Scaled: scaled}, nginx(1), counts, 8000)
		}
	}
	h.Overflow(protocol.Server, true, counts, 8000)
	all, _ := s.Collect(begin.Add(time.Second))
	points := map[string]uint64{}
	for _, rm := range all.ResourceMetrics().All() {
		for _, p := range rm.ScopeMetrics().At(0).Metrics().At(0).Histogram().DataPoints().All() {
			attributes := p.Attributes().AsRaw()
			points[fmt.Sprintf("scaled %v overflow %v", attributes["risk.metric.scaled"], attributes["otel.metric.overflow"])] += p.Count()
		}
	}
	const each = 8
	assert.Equal(t, map[string]uint64{
		"scaled <nil> overflow <nil>": 2 * each, "scaled true overflow <nil>": each,
		"scaled <nil> overflow true": 8 * each, "scaled true overflow true": 10 * each,
	}, points)
}

func TestAnIdleSeriesIsForgottenAndBeginsAnew(t *testing.T) {
	s := newStore(func(s *Settings) { s.MaxIdle = time.Minute })
	c := s.Counter("x", "", "")
	c.Add(nginx(1), &Attributes{}, 7)
	s.Collect(begin.Add(time.Second))
	_, n := s.Collect(begin.Add(60 * time.Second))
	assert.Equal(t, 1, n)
	_, n = s.Collect(begin.Add(61 * time.Second))
	assert.Zero(t, n)
	assert.Zero(t, s.Series())
	c.Add(nginx(1), &Attributes{}, 1)
	all, _ := s.Collect(begin.Add(70 * time.Second))
	p := only(t, all).Sum().DataPoints().At(0)
	assert.EqualValues(t, 1, p.IntValue())
	assert.Equal(t, begin.Add(61*time.Second), p.StartTimestamp().AsTime().Local())
}

func TestAttributesKeepTheirTypes(t *testing.T) {
	s := newStore(nil)
	a := &Attributes{}
	a.Text("text", "value")
	a.Text("absent", "")
	a.Bytes("bytes", []byte{'x'})
	a.Bytes("none", nil)
	a.Number("number", -7)
	a.True("true")
	s.Counter("x", "", "").Add(nil, a, 1)
	all, _ := s.Collect(begin.Add(time.Second))
	assert.Equal(t, map[string]any{"text": "value", "bytes": "x", "number": int64(-7), "true": true},
		only(t, all).Sum().DataPoints().At(0).Attributes().AsRaw())
}
