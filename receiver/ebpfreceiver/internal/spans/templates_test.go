// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package spans

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

// said returns what a builder says of an exchange, without what every span has of its own.
func said(t *testing.T, b *Builder, x *protocol.Exchange) string {
	t.Helper()
	b.Append(x, nginx())
	traces := b.Take()
	span := traces.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
	span.SetSpanID([8]byte{1})
	if span.ParentSpanID().IsEmpty() {
		span.SetTraceID([16]byte{1})
	}
	text, err := new(ptrace.JSONMarshaler).MarshalTraces(traces)
	require.NoError(t, err)
	return string(text)
}

func TestWhatComesAgainIsSaidInTheSameWords(t *testing.T) {
	b := newBuilder()
	for name, test := range golden {
		x := exchange(test.side, test.change)
		want := said(t, newBuilder(), x)
		for i := range 4 {
			assert.Equal(t, want, said(t, b, x), "%s, time %d", name, i)
		}
	}
}

// TestWhatDiffersIsSaid changes one thing at a time of an exchange whose description is remembered.
func TestWhatDiffersIsSaid(t *testing.T) {
	for name, change := range map[string]func(*protocol.Exchange){
		"local":  func(x *protocol.Exchange) { x.Local, x.HTTP.Host = x.Peer, nil },
		"peer":   func(x *protocol.Exchange) { x.Peer = x.Local },
		"side":   func(x *protocol.Exchange) { x.Side = protocol.Client },
		"kind":   func(x *protocol.Exchange) { x.Kind = protocol.HTTP2 },
		"status": func(x *protocol.Exchange) { x.HTTP.Status = 500 },
		"failed": func(x *protocol.Exchange) { x.Failure = protocol.Reset },
		"minor":  func(x *protocol.Exchange) { x.HTTP.Minor = 0 },
		"cut":    func(x *protocol.Exchange) { x.HTTP.TargetCut = true },
		"method": func(x *protocol.Exchange) { x.HTTP.Method = []byte("PUT") },
		"target": func(x *protocol.Exchange) { x.HTTP.Target = []byte("/cars?id=7#top") },
		"unseen": func(x *protocol.Exchange) { x.HTTP.Method = nil },
		"host":   func(x *protocol.Exchange) { x.HTTP.Host = []byte("shop.example:8081") },
		"agent":  func(x *protocol.Exchange) { x.HTTP.UserAgent = []byte("curl/8.2") },
		"scheme": func(x *protocol.Exchange) { x.HTTP.Scheme = []byte("https") },
		"call":   func(x *protocol.Exchange) { grpc(x, 0) },
		"code":   func(x *protocol.Exchange) { grpc(x, 5) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBuilder()
			usual := exchange(protocol.Server, nothing)
			before := ""
			for range 3 {
				before = said(t, b, usual)
			}
			other := exchange(protocol.Server, change)
			got := said(t, b, other)
			assert.Equal(t, said(t, newBuilder(), other), got)
			assert.NotEqual(t, before, got, "the change is one that is said")
		})
	}
}

func TestAQueryThatMayNotLeaveMakesNoDifference(t *testing.T) {
	for _, allowed := range [][]string{nil, {"id"}} {
		b := New(Settings{Privacy: Privacy{Query: allowed}})
		x := exchange(protocol.Server, nothing)
		for range 2 {
			said(t, b, x)
		}
		x.HTTP.Target = []byte("/cart?id=8")
		known, _ := b.templates.find(x)
		assert.Equal(t, allowed == nil, known != nil)
	}
}

// TestASpanIsNotChangedThroughAnother makes sure that a consumer's spans are its own.
func TestASpanIsNotChangedThroughAnother(t *testing.T) {
	b := newBuilder()
	x := exchange(protocol.Server, nothing)
	want := said(t, b, x)
	for range 4 {
		b.Append(x, nginx())
		b.Take().ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().PutStr("url.path", "changed")
	}
	assert.Equal(t, want, said(t, b, x))
}
