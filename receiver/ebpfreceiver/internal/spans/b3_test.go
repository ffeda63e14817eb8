// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package spans

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

const (
	b3Trace = "80f198ee56343ba864fe8b2a57d3eff7"
	b3Span  = "e457b5a2e4d86bd1"
)

func TestB3NamesTheParent(t *testing.T) {
	for name, test := range map[string]struct {
		h     protocol.HTTP
		trace string
		flags byte
	}{
		"in one field":             {protocol.HTTP{B3: []byte(b3Trace + "-" + b3Span + "-1")}, b3Trace, 1},
		"with its own parent":      {protocol.HTTP{B3: []byte(b3Trace + "-" + b3Span + "-0-05e3ac9a4f6e3b90")}, b3Trace, 0},
		"debug":                    {protocol.HTTP{B3: []byte(b3Trace + "-" + b3Span + "-d")}, b3Trace, 1},
		"undecided":                {protocol.HTTP{B3: []byte(b3Trace + "-" + b3Span)}, b3Trace, 1},
		"a short trace id":         {protocol.HTTP{B3: []byte("64fe8b2a57d3eff7-" + b3Span + "-1")}, "000000000000000064fe8b2a57d3eff7", 1},
		"in several fields":        {protocol.HTTP{B3TraceID: []byte(b3Trace), B3SpanID: []byte(b3Span), B3Sampled: []byte("1")}, b3Trace, 1},
		"several, not sampled":     {protocol.HTTP{B3TraceID: []byte(b3Trace), B3SpanID: []byte(b3Span), B3Sampled: []byte("0")}, b3Trace, 0},
		"beside a wrong one field": {protocol.HTTP{B3: []byte("0"), B3TraceID: []byte(b3Trace), B3SpanID: []byte(b3Span)}, b3Trace, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p, ok := parentOf(&test.h)
			assert.True(t, ok)
			assert.Equal(t, test.trace, p.trace.String())
			assert.Equal(t, b3Span, p.span.String())
			assert.Equal(t, test.flags, p.flags)
		})
	}
}

func TestWrongB3NamesNoParent(t *testing.T) {
	for _, text := range []string{
		"", "0", "1", "-", b3Trace, b3Trace + "-", b3Trace + "-" + b3Span[1:], b3Trace[1:] + "-" + b3Span,
		"00000000000000000000000000000000-" + b3Span, b3Trace + "-0000000000000000", "X" + b3Trace[1:] + "-" + b3Span,
	} {
		_, ok := parseB3([]byte(text))
		assert.False(t, ok, text)
	}
}

func TestTraceparentWinsOverB3(t *testing.T) {
	p, ok := parentOf(&protocol.HTTP{
		TraceParent: []byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), B3: []byte(b3Trace + "-" + b3Span + "-1"),
	})
	assert.True(t, ok)
	assert.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", p.trace.String())
}

// A tracestate belongs to a traceparent: it says nothing of a trace that something else names, its sampling least of all.
func TestATracestateNeedsATraceparent(t *testing.T) {
	const state = "ot=rv:80000000000000,vendor=x"
	for name, test := range map[string]struct {
		traceparent, want string
	}{
		"none":    {"", ""},
		"broken":  {"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", ""},
		"a valid": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", state},
	} {
		h := protocol.HTTP{TraceParent: []byte(test.traceparent), TraceState: []byte(state), B3: []byte(b3Trace + "-" + b3Span + "-1")}
		assert.Equal(t, test.want, newBuilder().Identify(&protocol.Exchange{HTTP: h}).State, name)
	}
}

func FuzzParseB3(f *testing.F) {
	f.Add([]byte(b3Trace + "-" + b3Span + "-1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, ok := parseB3(text); ok && (p.trace.IsEmpty() || p.span.IsEmpty()) {
			t.Fatalf("parse %q: an empty id", text)
		}
	})
}
