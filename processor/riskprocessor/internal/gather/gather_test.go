// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package gather

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

var limits = Limits{AfterRoot: 2 * time.Second, Timeout: 30 * time.Second, BatchSpans: 1000, BatchBytes: 1 << 20}

func ignore(pcommon.TraceID, time.Duration) {}

func nobody(pcommon.TraceID) bool { return false }

// batch has a span for each trace under a resource of its service; the first span of a trace's list is its root.
func batch(service string, root bool, traces ...byte) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", service)
	for _, id := range traces {
		span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		span.SetTraceID(pcommon.TraceID{id})
		span.SetName(service)
		if !root {
			span.SetParentSpanID(pcommon.SpanID{1})
		}
	}
	return td
}

// ids are the traces of a batch, by their ids.
func ids(batch Batch) (found []byte) {
	for _, rs := range batch.Spans.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				found = append(found, span.TraceID()[0])
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func drain(g *Gatherer) Batch { return g.Early(0, math.MaxInt64) }

func TestRootCompletesATrace(t *testing.T) {
	g := New(limits, ignore)
	g.Add(0, batch("cart", false, 1, 2), nobody)
	g.Add(time.Second, batch("front", true, 1), nobody)
	assert.Zero(t, g.Due(3*time.Second-1).Traces)
	complete := g.Due(3 * time.Second)
	require.Equal(t, []byte{1}, ids(complete), "two seconds after its root")
	require.Equal(t, 1, complete.Traces)
	require.Equal(t, 2, complete.Spans.SpanCount())
	require.Equal(t, 2, complete.Spans.ResourceSpans().Len(), "spans keep their resources")
	assert.Zero(t, g.Due(30*time.Second-1).Traces)
	assert.Equal(t, []byte{2}, ids(g.Due(30*time.Second)), "thirty seconds after its first span")
	assert.Zero(t, g.Bytes())
}

func TestTake(t *testing.T) {
	g := New(limits, ignore)
	g.Add(0, batch("front", true, 1, 2, 3), nobody)
	taken, rest := g.Take(0, []pcommon.TraceID{{2}, {9}})
	assert.Equal(t, []byte{2}, ids(taken))
	assert.Empty(t, rest)
	assert.Equal(t, []byte{1, 3}, ids(drain(g)))
}

func TestEarlyMakesRoom(t *testing.T) {
	g := New(limits, ignore)
	for i := range byte(100) {
		g.Add(time.Duration(i), batch("front", true, i+1), nobody)
	}
	var early []byte
	for full := g.Bytes(); g.Bytes() > full/2; {
		before := g.Bytes()
		given := g.Early(0, 1)
		require.Equal(t, 1, given.Traces, "not more than was asked for")
		require.Less(t, g.Bytes(), before)
		early = append(early, ids(given)...)
	}
	assert.True(t, slices.IsSorted(early), "the oldest first")
	assert.Len(t, slices.Concat(early, ids(drain(g))), 100, "nothing is lost")
	assert.Zero(t, g.Bytes())
}

func TestBatchesHaveASize(t *testing.T) {
	small := limits
	small.BatchSpans = 10
	g := New(small, ignore)
	all := make([]pcommon.TraceID, 25)
	for i := range byte(25) {
		all[i] = pcommon.TraceID{i + 1}
		g.Add(0, batch("front", true, i+1, i+1, i+1), nobody)
	}
	assert.Equal(t, 4, g.Due(time.Minute).Traces, "with the trace that makes it full")
	assert.Equal(t, 4, g.Early(0, math.MaxInt64).Traces)
	found := 0
	for len(all) > 0 {
		var taken Batch
		taken, all = g.Take(0, all)
		require.LessOrEqual(t, taken.Traces, 4)
		found += taken.Traces
	}
	assert.Equal(t, 17, found)
	small.BatchSpans, small.BatchBytes = 1000, 1
	g = New(small, ignore)
	g.Add(0, batch("front", true, 1, 2), nobody)
	assert.Equal(t, 1, drain(g).Traces)
}

// TestTracesShareTheirResource: however many traces have spans of it, it is held once, and is once in what is given out.
func TestTracesShareTheirResource(t *testing.T) {
	g := New(limits, ignore)
	td := batch("front", true, 1)
	rs := td.ResourceSpans().At(0)
	rs.Resource().Attributes().PutStr("large", strings.Repeat("x", 100_000))
	rs.SetSchemaUrl("schema")
	ss := rs.ScopeSpans().At(0)
	ss.Scope().SetName("scope")
	ss.SetSchemaUrl("schema of scope")
	span := ss.Spans().At(0)
	for id := range byte(200) {
		span.CopyTo(ss.Spans().AppendEmpty())
		ss.Spans().At(int(id) + 1).SetTraceID(pcommon.TraceID{id + 2})
	}
	g.Add(0, td, func(id pcommon.TraceID) bool { return id[0] == 5 })
	require.Equal(t, 1, td.SpanCount(), "a late one")
	assert.Greater(t, g.Bytes(), int64(300_000))
	assert.Less(t, g.Bytes(), int64(300_000+201*1000))
	taken, _ := g.Take(0, []pcommon.TraceID{{1}, {2}, {3}})
	rest := drain(g)
	assert.Zero(t, g.Bytes())
	for traces, given := range map[int]ptrace.Traces{1: td, 3: taken.Spans, 197: rest.Spans} {
		require.Equal(t, traces, given.SpanCount())
		require.Equal(t, 1, given.ResourceSpans().Len())
		rs := given.ResourceSpans().At(0)
		large, _ := rs.Resource().Attributes().Get("large")
		assert.Len(t, large.Str(), 100_000)
		assert.Equal(t, "schema", rs.SchemaUrl())
		require.Equal(t, 1, rs.ScopeSpans().Len())
		assert.Equal(t, "scope", rs.ScopeSpans().At(0).Scope().Name())
		assert.Equal(t, "schema of scope", rs.ScopeSpans().At(0).SchemaUrl())
	}
}

// TestEstimate holds the estimate against the heap, for ordinary spans of services that describe themselves at length, and
// for what has the most objects in the fewest bytes.
func TestEstimate(t *testing.T) {
	heap := func() int64 {
		runtime.GC()
		runtime.GC() // what is in pools outlives one
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	for name, test := range map[string]struct {
		resource, span, spans int
		value                 string
	}{
		"ordinary, two spans a trace": {20, 12, 2, "of-common-length-0123456789"},
		"ordinary, large":             {20, 12, 30, "of-common-length-0123456789"},
		"nothing in the span":         {0, 0, 1, ""},
		"empty attributes":            {0, 40, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := New(limits, ignore)
			before := heap()
			for n := range 1000 {
				td := ptrace.NewTraces()
				rs := td.ResourceSpans().AppendEmpty()
				fill(rs.Resource().Attributes(), test.resource, test.value)
				list := rs.ScopeSpans().AppendEmpty().Spans()
				for range test.spans {
					span := list.AppendEmpty()
					span.SetTraceID(pcommon.TraceID{1, byte(n), byte(n >> 8)})
					span.SetSpanID(pcommon.SpanID{1})
					fill(span.Attributes(), test.span, test.value)
				}
				g.Add(0, td, nobody)
			}
			took := heap() - before
			t.Logf("%.2f of what it takes", float64(g.Bytes())/float64(took))
			assert.InDelta(t, 1.1, float64(g.Bytes())/float64(took), 0.4)
			runtime.KeepAlive(g)
			var given int64
			for batch := g.Early(0, math.MaxInt64); batch.Traces > 0; batch = g.Early(0, math.MaxInt64) {
				given += Size(batch.Spans)
			}
			assert.InDelta(t, 1, float64(given)/float64(took), 0.5, "what is given out has a size, too")
		})
	}
}

func fill(attrs pcommon.Map, n int, value string) {
	attrs.EnsureCapacity(n)
	for i := range n {
		if value == "" {
			attrs.PutEmpty("0123456789abcdefghijklmnopqrstuvwxyzABCD"[i : i+1])
			continue
		}
		attrs.PutStr(strings.Clone("some.attribute."+strconv.Itoa(i)), strings.Clone(value))
	}
}

func TestWhatIsNotHeldStays(t *testing.T) {
	g := New(limits, ignore)
	td := batch("front", true, 0, 1, 2) // 0 makes an empty trace id
	g.Add(0, td, func(id pcommon.TraceID) bool { return id[0] == 2 })
	assert.Equal(t, 2, td.SpanCount(), "the one without a trace id and the late one")
	assert.Equal(t, []byte{1}, ids(drain(g)))
}

// Every span comes out once, with its own resource and scope, whatever the order of traces and batches.
func TestEverySpanComesOutOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	g := New(Limits{AfterRoot: time.Second, Timeout: 5 * time.Second, BatchSpans: 50, BatchBytes: 1 << 20}, ignore)
	in, out := 0, 0
	take := func(batch Batch) int {
		out += batch.Spans.SpanCount()
		traces := map[pcommon.TraceID]bool{}
		for _, rs := range batch.Spans.ResourceSpans().All() {
			service, _ := rs.Resource().Attributes().Get("service.name")
			for _, ss := range rs.ScopeSpans().All() {
				for _, span := range ss.Spans().All() {
					traces[span.TraceID()] = true
					require.Equal(t, service.Str()+ss.Scope().Name(), span.Name())
				}
			}
		}
		require.Len(t, traces, batch.Traces)
		return batch.Traces
	}
	for now := time.Duration(0); now < 20*time.Second; now += 20 * time.Millisecond {
		td := ptrace.NewTraces()
		for range 1 + r.IntN(3) {
			rs := td.ResourceSpans().AppendEmpty()
			service := string(rune('a' + r.IntN(4)))
			rs.Resource().Attributes().PutStr("service.name", service)
			for range 1 + r.IntN(2) {
				ss := rs.ScopeSpans().AppendEmpty()
				scope := string(rune('A' + r.IntN(4)))
				ss.Scope().SetName(scope)
				for range 1 + r.IntN(5) {
					span := ss.Spans().AppendEmpty()
					span.SetTraceID(pcommon.TraceID{1, byte(r.IntN(30))})
					span.SetName(service + scope)
					if r.IntN(4) > 0 {
						span.SetParentSpanID(pcommon.SpanID{1})
					}
				}
			}
		}
		in += td.SpanCount()
		g.Add(now, td, nobody)
		require.Zero(t, td.SpanCount())
		for take(g.Due(now)) > 0 {
		}
		take(g.Early(now, g.Bytes()-100_000))
	}
	for take(drain(g)) > 0 {
	}
	assert.Equal(t, in, out)
	assert.Zero(t, g.Bytes())
}
