// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package spans

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

// build returns the span of an exchange of nginx.
func build(side protocol.Side, change func(*protocol.Exchange)) ptrace.Span {
	b := newBuilder()
	b.Append(exchange(side, change), nginx())
	return b.Take().ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
}

func TestTakeHandsOverAndStartsAnew(t *testing.T) {
	b := newBuilder()
	process := nginx()
	for range 3 {
		b.Append(exchange(protocol.Server, nil), process)
	}
	assert.Equal(t, 3, b.Len())
	taken := b.Take()
	assert.Equal(t, 3, taken.SpanCount())
	assert.Zero(t, b.Len())
	b.Append(exchange(protocol.Server, nil), process)
	assert.Equal(t, 3, taken.SpanCount(), "what was taken does not change")
	assert.Equal(t, 1, b.Take().SpanCount())
	assert.Equal(t, 0, b.Take().ResourceSpans().Len())
}

func TestAProcessHasOneResourceABatch(t *testing.T) {
	b := newBuilder()
	one, again, two := nginx(), nginx(), &procinfo.Process{PID: 8, Name: "curl", ServiceName: "curl"}
	for _, process := range []*procinfo.Process{one, two, one, again, two, {}} {
		b.Append(exchange(protocol.Server, nil), process)
	}
	traces := b.Take()
	require.Equal(t, 3, traces.ResourceSpans().Len())
	for i, want := range []int{3, 2, 1} {
		resource := traces.ResourceSpans().At(i)
		require.Equal(t, 1, resource.ScopeSpans().Len())
		assert.Equal(t, want, resource.ScopeSpans().At(0).Spans().Len())
		assert.Equal(t, semconv.SchemaURL, resource.SchemaUrl())
		host, ok := resource.Resource().Attributes().Get("host.name")
		require.True(t, ok)
		assert.Equal(t, "node-1", host.Str())
	}
}

func TestNothingOfTheExchangeIsKept(t *testing.T) {
	b := newBuilder()
	x := exchange(protocol.Client, trace)
	x.HTTP.Method = []byte("BREW")
	b.Append(x, nginx())
	want, err := new(ptrace.JSONMarshaler).MarshalTraces(b.Take())
	require.NoError(t, err)

	b = newBuilder()
	b.Append(x, nginx())
	for _, text := range [][]byte{x.HTTP.Method, x.HTTP.Target, x.HTTP.Host, x.HTTP.UserAgent, x.HTTP.TraceParent, x.HTTP.TraceState} {
		clear(text)
	}
	got, err := new(ptrace.JSONMarshaler).MarshalTraces(b.Take())
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

func TestIDsAreRandomAndNeverZero(t *testing.T) {
	b := New(Settings{})
	process := nginx()
	for range 1000 {
		b.Append(exchange(protocol.Server, nil), process)
	}
	spans := b.Take().ResourceSpans().At(0).ScopeSpans().At(0).Spans()
	traces, ids := map[pcommon.TraceID]bool{}, map[pcommon.SpanID]bool{}
	for i := range spans.Len() {
		span := spans.At(i)
		assert.False(t, span.TraceID().IsEmpty())
		assert.False(t, span.SpanID().IsEmpty())
		assert.True(t, span.ParentSpanID().IsEmpty())
		traces[span.TraceID()], ids[span.SpanID()] = true, true
	}
	assert.Len(t, traces, 1000)
	assert.Len(t, ids, 1000)
}

// zeros is a source of which the first numbers are zero.
type zeros int

func (z *zeros) Uint64() uint64 {
	*z--
	if *z >= 0 {
		return 0
	}
	return uint64(-*z)
}

func TestAnIDOfZerosIsDrawnAgain(t *testing.T) {
	source := zeros(5)
	b := New(Settings{Random: &source})
	assert.False(t, b.traceID().IsEmpty())
	source = 5
	assert.False(t, b.spanID().IsEmpty())
}

func TestTimesAreThoseThatWereObserved(t *testing.T) {
	tests := map[string]struct{ start, first, end, wantStart, wantEnd int64 }{
		"all":                           {10, 20, 30, 10, 30},
		"no response":                   {10, 0, 30, 10, 30},
		"no end":                        {10, 20, 0, 10, 20},
		"nothing but the beginning":     {10, 0, 0, 10, 10},
		"no beginning":                  {0, 20, 30, 20, 30},
		"nothing but the end":           {0, 0, 30, 30, 30},
		"a clock that was set back":     {10, 5, 7, 10, 10},
		"nothing at all":                {0, 0, 0, 0, 0},
		"the largest time there can be": {math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			span := build(protocol.Server, func(x *protocol.Exchange) { x.Start, x.FirstByte, x.End = test.start, test.first, test.end })
			assert.EqualValues(t, test.wantStart, span.StartTimestamp())
			assert.EqualValues(t, test.wantEnd, span.EndTimestamp())
		})
	}
}

func TestParseTraceParent(t *testing.T) {
	const valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for text, want := range map[string]bool{
		valid:                         true,
		"cc" + valid[2:]:              true,
		"cc" + valid[2:] + "-more":    true,
		"":                            false,
		valid[:54]:                    false,
		valid + "-":                   false,
		"cc" + valid[2:] + "more":     false,
		"ff" + valid[2:]:              false,
		"0G" + valid[2:]:              false,
		"00_" + valid[3:]:             false,
		valid[:35] + "_" + valid[36:]: false,
		valid[:52] + "_" + valid[53:]: false,
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01": false,
		"00-4bf92f3577b34da6a3ce929d0e0e473x-00f067aa0ba902b7-01": false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902bx-01": false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x": false,
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01": false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01": false,
	} {
		p, ok := parseTraceParent([]byte(text))
		assert.Equal(t, want, ok, text)
		if ok {
			assert.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", p.trace.String())
			assert.Equal(t, "00f067aa0ba902b7", p.span.String())
			assert.EqualValues(t, 1, p.flags)
		} else {
			assert.Equal(t, parent{}, p, text)
		}
	}
}

func TestABrokenTraceParentStartsATrace(t *testing.T) {
	span := build(protocol.Server, func(x *protocol.Exchange) {
		trace(x)
		x.HTTP.TraceParent = x.HTTP.TraceParent[:50]
	})
	assert.True(t, span.ParentSpanID().IsEmpty())
	assert.False(t, span.TraceID().IsEmpty())
	assert.Empty(t, span.TraceState().AsRaw(), "a trace state without its trace says nothing")
}

func TestABrokenTraceStateIsDropped(t *testing.T) {
	for _, state := range []string{"a=\x01", "a=\xff", string(make([]byte, 600))} {
		span := build(protocol.Server, func(x *protocol.Exchange) {
			trace(x)
			x.HTTP.TraceState = []byte(state)
		})
		assert.False(t, span.ParentSpanID().IsEmpty())
		assert.Empty(t, span.TraceState().AsRaw())
	}
}
