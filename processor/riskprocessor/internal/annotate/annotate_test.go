// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package annotate

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
)

func fired(places ...int) *rule.Hits {
	var h rule.Hits
	for _, p := range places {
		h.Add(p)
	}
	return &h
}

func TestLevelIncludesItsThreshold(t *testing.T) {
	a := New(nil, 0.3, 0.6, 0.85)
	for score, want := range map[float64]string{
		0: "low", 0.299: "low", 0.3: "medium", 0.599: "medium", 0.6: "high", 0.849: "high", 0.85: "critical", 1: "critical",
	} {
		assert.Equal(t, want, a.Level(score).String(), "score %v", score)
	}
}

func TestWrite(t *testing.T) {
	a := New([]string{"first", "second", "third"}, 0.3, 0.6, 0.85)
	span := ptrace.NewSpan()
	span.Attributes().PutStr("url.path", "/")
	a.Write(span.Attributes(), 0.7, fired(2, 0), nil, false)
	assert.Equal(t, map[string]any{
		"url.path": "/", KeyScore: 0.7, KeyLevel: "high", KeyReasons: []any{"first", "third"},
	}, span.Attributes().AsRaw(), "reasons are in the order of the rules")
}

func TestWriteWithoutARule(t *testing.T) {
	a := New([]string{"first"}, 0.3, 0.6, 0.85)
	span := ptrace.NewSpan()
	a.Write(span.Attributes(), 0, fired(), nil, false)
	assert.Equal(t, map[string]any{KeyScore: 0.0, KeyLevel: "low"}, span.Attributes().AsRaw())
}

func TestWriteMoreReasons(t *testing.T) {
	a := New([]string{"first"}, 0.3, 0.6, 0.85)
	span := ptrace.NewSpan()
	a.Write(span.Attributes(), 0.7, fired(0), []string{"learned.latency"}, false)
	assert.Equal(t, []any{"first", "learned.latency"}, span.Attributes().AsRaw()[KeyReasons])
	a.Write(span.Attributes(), 0.7, fired(), []string{"learned.latency"}, false)
	assert.Equal(t, []any{"learned.latency"}, span.Attributes().AsRaw()[KeyReasons])
}

func TestRaise(t *testing.T) {
	a := New([]string{"first"}, 0.3, 0.6, 0.85)
	span := ptrace.NewSpan()
	a.Write(span.Attributes(), 0.2, fired(), nil, false)
	a.Raise(span.Attributes(), 0.3, nil)
	assert.Equal(t, map[string]any{KeyScore: 0.3, KeyLevel: "medium"}, span.Attributes().AsRaw())
	a.Write(span.Attributes(), 0.2, fired(0), nil, true)
	a.Raise(span.Attributes(), 0.9, []string{"learned.latency"})
	assert.Equal(t, map[string]any{
		KeyScore: 0.9, KeyLevel: "critical", KeyReasons: []any{"first", "learned.latency"}, KeyDegraded: true,
	}, span.Attributes().AsRaw())
}

func TestWriteDegraded(t *testing.T) {
	a := New([]string{"first"}, 0.3, 0.6, 0.85)
	span := ptrace.NewSpan()
	a.Write(span.Attributes(), 0, fired(), nil, true)
	assert.Equal(t, map[string]any{KeyScore: 0.0, KeyLevel: "low", KeyDegraded: true}, span.Attributes().AsRaw())
	a.Write(span.Attributes(), 0, fired(), nil, false)
	assert.NotContains(t, span.Attributes().AsRaw(), KeyDegraded)
}

func TestWriteReplacesWhatTheSpanBrought(t *testing.T) {
	a := New([]string{"first"}, 0.3, 0.6, 0.85)
	for name, hits := range map[string]*rule.Hits{"with reasons": fired(0), "without": fired()} {
		t.Run(name, func(t *testing.T) {
			span, fresh := ptrace.NewSpan(), ptrace.NewSpan()
			span.Attributes().PutStr(KeyScore, "forged")
			span.Attributes().PutInt(KeyLevel, 1)
			span.Attributes().PutStr(KeyReasons, "forged")
			a.Write(span.Attributes(), 0.2, hits, nil, false)
			a.Write(fresh.Attributes(), 0.2, hits, nil, false)
			assert.Equal(t, fresh.Attributes().AsRaw(), span.Attributes().AsRaw())
		})
	}
}

func BenchmarkWrite(b *testing.B) {
	a := New([]string{"first", "second"}, 0.3, 0.6, 0.85)
	span := ptrace.NewSpan()
	b.ReportAllocs()
	for b.Loop() {
		span.Attributes().RemoveIf(func(string, pcommon.Value) bool { return true })
		a.Write(span.Attributes(), 0.7, fired(0, 1), nil, false)
	}
}
