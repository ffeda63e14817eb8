// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package gather

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

var limits = Limits{AfterRoot: 2 * time.Second, Timeout: 30 * time.Second, Bytes: 1 << 20}

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

func ids(traces []ptrace.Traces) (found []byte) {
	for _, td := range traces {
		found = append(found, td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).TraceID()[0])
	}
	return found
}

func TestRootCompletesATrace(t *testing.T) {
	g := New(limits, ignore)
	g.Add(0, batch("cart", false, 1, 2), nobody)
	g.Add(time.Second, batch("front", true, 1), nobody)
	assert.Empty(t, g.Due(3*time.Second-1))
	complete := g.Due(3 * time.Second)
	require.Equal(t, []byte{1}, ids(complete), "two seconds after its root")
	require.Equal(t, 2, complete[0].SpanCount())
	require.Equal(t, 2, complete[0].ResourceSpans().Len(), "spans keep their resources")
	assert.Empty(t, g.Due(30*time.Second-1))
	assert.Equal(t, []byte{2}, ids(g.Due(30*time.Second)), "thirty seconds after its first span")
	assert.Zero(t, g.Bytes())
}

func TestTake(t *testing.T) {
	g := New(limits, ignore)
	g.Add(0, batch("front", true, 1, 2, 3), nobody)
	assert.Equal(t, []byte{2}, ids(g.Take(0, []pcommon.TraceID{{2}, {9}})))
	assert.ElementsMatch(t, []byte{1, 3}, ids(g.Drain(0)))
}

func TestMemoryIsBounded(t *testing.T) {
	small := limits
	small.Bytes = 4000
	g := New(small, ignore)
	var early []byte
	for i := range byte(100) {
		early = append(early, ids(g.Add(time.Duration(i), batch("front", true, i+1), nobody))...)
		require.LessOrEqual(t, g.Bytes(), small.Bytes)
	}
	rest := ids(g.Drain(0))
	assert.NotEmpty(t, rest)
	assert.True(t, slices.IsSorted(early), "the oldest first")
	assert.Len(t, slices.Concat(early, rest), 100, "nothing is lost")
}

func TestWhatIsNotHeldStays(t *testing.T) {
	g := New(limits, ignore)
	td := batch("front", true, 0, 1, 2) // 0 makes an empty trace id
	g.Add(0, td, func(id pcommon.TraceID) bool { return id[0] == 2 })
	assert.Equal(t, 2, td.SpanCount(), "the one without a trace id and the late one")
	assert.Equal(t, []byte{1}, ids(g.Drain(0)))
}

// Every span comes out once, with its own resource and scope, whatever the order of traces and batches.
func TestEverySpanComesOutOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	g := New(Limits{AfterRoot: time.Second, Timeout: 5 * time.Second, Bytes: 100_000}, ignore)
	in, out := 0, 0
	take := func(traces []ptrace.Traces) {
		for _, td := range traces {
			out += td.SpanCount()
			first := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).TraceID()
			for _, rs := range td.ResourceSpans().All() {
				service, _ := rs.Resource().Attributes().Get("service.name")
				for _, ss := range rs.ScopeSpans().All() {
					for _, span := range ss.Spans().All() {
						require.Equal(t, first, span.TraceID())
						require.Equal(t, service.Str()+ss.Scope().Name(), span.Name())
					}
				}
			}
		}
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
		take(g.Add(now, td, nobody))
		require.Zero(t, td.SpanCount())
		take(g.Due(now))
	}
	take(g.Drain(0))
	assert.Equal(t, in, out)
	assert.Zero(t, g.Bytes())
}
