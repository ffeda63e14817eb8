// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// read reads a span with the given attributes.
func read(t *testing.T, r *Reader, v *Vector, kind ptrace.SpanKind, resource, span map[string]any) {
	t.Helper()
	attrs := pcommon.NewMap()
	require.NoError(t, attrs.FromRaw(resource))
	r.Resource(attrs, v.Resource)
	s := ptrace.NewSpan()
	s.SetName("GET")
	s.SetKind(kind)
	s.Status().SetCode(ptrace.StatusCodeError)
	require.NoError(t, s.Attributes().FromRaw(span))
	r.Span(s, v)
}

func TestReaderReadsWhatWasAskedFor(t *testing.T) {
	long := strings.Repeat("k", 100)
	r := NewReader(1)
	text, integer, double, boolean := r.Slot("text"), r.Slot("integer"), r.Slot("double"), r.Slot("boolean")
	list, empty, absent, longKey := r.Slot("list"), r.Slot("empty"), r.Slot("absent"), r.Slot(long)
	assert.Equal(t, text, r.Slot("text"), "a key has one slot")
	v := NewEngine(r, newStore()).NewVector()
	attributes := map[string]any{
		"text": "a", "integer": 42, "double": 1.5, "boolean": true, "list": []any{"x"}, "empty": nil, "other": "b", long: "c", long + "k": "d",
	}
	check := func(values []Value) {
		assert.Equal(t, Value{Kind: String, Text: "a"}, values[text])
		assert.Equal(t, Value{Kind: Int, Int: 42}, values[integer])
		assert.Equal(t, Value{Kind: Double, Double: 1.5}, values[double])
		assert.Equal(t, Value{Kind: Bool, Int: 1}, values[boolean])
		assert.Equal(t, Value{Kind: Other}, values[list])
		assert.Equal(t, Value{}, values[empty])
		assert.Equal(t, Value{}, values[absent])
		assert.Equal(t, Value{Kind: String, Text: "c"}, values[longKey])
	}
	read(t, r, v, ptrace.SpanKindServer, nil, attributes)
	check(v.Record)
	assert.Equal(t, Value{Kind: String, Text: "GET"}, v.Record[SlotName])
	assert.Equal(t, Value{Kind: Int, Int: 2}, v.Record[SlotKind])
	assert.Equal(t, Value{Kind: Int, Int: 2}, v.Record[SlotStatus])

	read(t, r, v, ptrace.SpanKindServer, attributes, nil)
	check(v.Resource)
	assert.Equal(t, Value{}, v.Record[text], "nothing of the span before is left")
}

func TestReaderResolvesEntities(t *testing.T) {
	r := NewReader(1)
	ip := r.AddEntity(&Identity{Sources: []Source{{Key: "client.address"}, {Kind: ptrace.SpanKindServer, Key: "network.peer.address"}}})
	v := NewEngine(r, newStore()).NewVector()
	type attrs = map[string]any
	resolve := func(kind ptrace.SpanKind, resource, span attrs) uint64 {
		read(t, r, v, kind, resource, span)
		return v.Entities[ip]
	}
	a := resolve(ptrace.SpanKindServer, nil, attrs{"client.address": "a"})
	require.NotZero(t, a)

	for name, test := range map[string]struct {
		kind           ptrace.SpanKind
		resource, span attrs
		want           uint64
	}{
		"the first source wins":                         {span: attrs{"network.peer.address": "b", "client.address": "a"}, want: a},
		"the next source is used when the first has no": {kind: ptrace.SpanKindServer, span: attrs{"network.peer.address": "a"}, want: a},
		"an empty text identifies nobody":               {kind: ptrace.SpanKindServer, span: attrs{"client.address": "", "network.peer.address": "a"}, want: a},
		"a list identifies nobody":                      {kind: ptrace.SpanKindServer, span: attrs{"client.address": []any{"x"}, "network.peer.address": "a"}, want: a},
		"a source of another span kind is not used":     {kind: ptrace.SpanKindClient, span: attrs{"network.peer.address": "a"}},
		"the resource is asked after the span":          {resource: attrs{"client.address": "b"}, span: attrs{"client.address": "a"}, want: a},
		"the resource is asked, too":                    {resource: attrs{"client.address": "a"}, want: a},
		"without any source there is no entity":         {span: attrs{"x": "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, resolve(test.kind, test.resource, test.span))
		})
	}
	assert.NotEqual(t, a, resolve(0, nil, attrs{"client.address": "b"}))
}

func TestNumbersAndTheirTextAreOneEntity(t *testing.T) {
	h := newHasher(1)
	same := func(a, b Value) { assert.Equal(t, h.value(&a), h.value(&b)) }
	same(Value{Kind: Int, Int: -42}, Value{Kind: String, Text: "-42"})
	same(Value{Kind: Double, Double: 0.5}, Value{Kind: String, Text: "0.5"})
	same(Value{Kind: Bool, Int: 1}, Value{Kind: String, Text: "true"})
	one := newHasher(2)
	assert.NotEqual(t, h.text("a"), one.text("a"), "hashes cannot be guessed")
	again := newHasher(1)
	assert.Equal(t, h.text("a"), again.text("a"), "and are the same in every process with the same seed")
}

func TestReaderDoesNotAllocate(t *testing.T) {
	r := NewReader(1)
	r.AddEntity(&Identity{Sources: []Source{{Key: "client.address"}}})
	r.AddEntity(&Identity{Sources: []Source{{Key: "process.pid"}}})
	v := NewEngine(r, newStore()).NewVector()
	span := ptrace.NewSpan()
	span.Attributes().PutStr("client.address", "10.0.0.1")
	span.Attributes().PutInt("process.pid", 42)
	assert.Zero(t, testing.AllocsPerRun(100, func() { r.Span(span, v) }))
}

func BenchmarkReaderSpan(b *testing.B) {
	r := NewReader(1)
	r.AddEntity(&Identity{Sources: []Source{{Key: "client.address"}, {Kind: ptrace.SpanKindServer, Key: "network.peer.address"}}})
	r.AddEntity(&Identity{Sources: []Source{{Key: "enduser.id"}, {Key: "user.id"}}})
	r.AddEntity(&Identity{Sources: []Source{{Key: "device.id"}}})
	r.Slot("http.response.status_code")
	v := NewEngine(r, newStore()).NewVector()
	span := ptrace.NewSpan()
	for _, key := range []string{
		"http.request.method", "url.path", "url.scheme", "http.response.status_code", "server.address", "server.port",
		"client.address", "network.peer.address", "network.peer.port", "network.protocol.version", "user_agent.original", "user.id",
	} {
		span.Attributes().PutStr(key, "10.0.0.1")
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Span(span, v)
	}
}
