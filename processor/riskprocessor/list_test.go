// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func TestListsInRulesAndFeatures(t *testing.T) {
	cfg := defaultConfig(t)
	cfg.Lists = []ListConfig{{Name: "secret", Place: "beginning", Decode: true, Values: []string{"/internal/", "/debug/"}}}
	cfg.Features = []FeatureConfig{{Name: "tries", Type: "count", Entity: "ip", When: `InList(attributes["url.path"], "secret")`, Window: maxWindow}}
	cfg.Rules = []RuleConfig{
		{Name: "path", Condition: `InList(attributes["url.path"], "secret")`, Weight: 0.2},
		{Name: "again", Condition: `Feature("tries") >= 2`, Weight: 0.3},
		{Name: "header", Condition: `InList(attributes["http.request.header.x"], "secret")`, Weight: 0.1},
	}
	g := newRig(t, cfg)
	reasons := func(a attrs) []any {
		td := ptrace.NewTraces()
		addSpan(t, td, traceID(g.ids.Add(1)), a)
		return reasonsOf(t, &g.consume(t, td)[0])
	}
	assert.Equal(t, []any{"path"}, reasons(attrs{"client.address": "203.0.113.1", "url.path": "/%69nternal/x"}))
	assert.Empty(t, reasons(attrs{"client.address": "203.0.113.1", "url.path": "/a/internal/x"}))
	assert.Equal(t, []any{"path", "again"}, reasons(attrs{"client.address": "203.0.113.1", "url.path": "/DEBUG/"}))
	assert.Equal(t, []any{"header"}, reasons(attrs{"http.request.header.x": []any{"a", "/debug/vars"}}), "headers are lists")
}

func TestListFaults(t *testing.T) {
	cfg := defaultConfig(t)
	cfg.Lists = []ListConfig{
		{Name: "Bad", Values: []string{"x"}},
		{Name: "place", Place: "middle", Values: []string{"x"}},
		{Name: "none"},
		{Name: "twice", Values: []string{"x"}},
		{Name: "twice", Values: []string{"x"}},
		{Name: "long", Values: []string{strings.Repeat("x", 1<<17)}},
	}
	cfg.Limits.MaxInspectedBytes = 1
	cfg.Rules = []RuleConfig{{Name: "r", Condition: `InList(name, "nowhere")`, Weight: 0.1}}
	err := cfg.Validate()
	for _, want := range []string{
		`lists::Bad::name: must consist of lower case letters, digits and underscores, found "Bad"`,
		`lists::place::place: must be anywhere, beginning, end or whole, found "middle"`,
		`lists::none::values: there are no values`,
		`lists::twice::name: must be unique, found "twice" twice`,
		`lists::long::values: values are longer than 65536 bytes together`,
		`limits::max_inspected_bytes: must be from 64 to 65536, found 1`,
		`list "nowhere" is not defined`,
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestLongTextsAreCountedWhenTheyAreCut(t *testing.T) {
	cfg := packConfig(t, "injection")
	g := newRig(t, cfg)
	g.send(t, attrs{"url.query": "q=" + strings.Repeat("a", cfg.Limits.MaxInspectedBytes)})
	cut := g.sums(t, "processor_risk_inspections_incomplete")
	assert.Positive(t, cut["too_long"])
	assert.Zero(t, cut["fault"])
}
