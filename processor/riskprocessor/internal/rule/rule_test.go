// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspan"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/feature"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/window"
)

// rig compiles conditions and evaluates them on one span.
type rig struct {
	*Compiler
	reader *feature.Reader
	rs     ptrace.ResourceSpans
	ss     ptrace.ScopeSpans
	span   ptrace.Span
	values []feature.Value // of the features one and two
}

func newRig(tb testing.TB) *rig {
	tb.Helper()
	g := &rig{reader: feature.NewReader(1), rs: ptrace.NewResourceSpans()}
	var err error
	g.Compiler, err = NewCompiler(componenttest.NewNopTelemetrySettings(), Spans, g.reader, &Names{
		Features:   map[string]int{"one": 0, "two": 1},
		Lists:      map[string]TextTest{"letters": func(s string) bool { return s == "a" || s == "b" || s == "x" }},
		SQL:        func(s string) bool { return s == "b" },
		Suspicious: func(s string) bool { return s == "b" },
	})
	require.NoError(tb, err)
	g.ss = g.rs.ScopeSpans().AppendEmpty()
	g.span = g.ss.Spans().AppendEmpty()
	g.values = make([]feature.Value, 2)
	return g
}

// context returns the context of the span; it is made after all conditions are compiled.
func (g *rig) context(tb testing.TB) *Context {
	tb.Helper()
	engine := feature.NewEngine(g.reader, feature.NewStore(1, nil))
	for range g.values {
		engine.Add(&feature.Spec{Period: window.Sliding(time.Second)})
	}
	v := engine.NewVector()
	g.reader.Resource(g.rs.Resource().Attributes(), v.Resource)
	g.reader.Span(g.span, v)
	copy(v.Features, g.values)
	transform := ottlspan.NewTransformContextPtr(g.rs, g.ss, g.span)
	tb.Cleanup(transform.Close)
	return &Context{Context: tb.Context(), Vector: v, Span: func() *ottlspan.TransformContext { return transform }}
}

func number(n float64) feature.Value { return feature.Value{Kind: feature.Double, Double: n} }

// fill gives the span what the tests ask for.
func (g *rig) fill(tb testing.TB) {
	tb.Helper()
	g.span.SetName("GET /login")
	g.span.SetKind(ptrace.SpanKindServer)
	g.span.SetStartTimestamp(7000)
	g.span.SetEndTimestamp(12000)
	g.span.Status().SetCode(ptrace.StatusCodeError)
	require.NoError(tb, g.span.Attributes().FromRaw(map[string]any{
		"int": 401, "double": 2.5, "text": "b", "true": true, "false": false, "list": []any{"x"}, "map": map[string]any{"k": "v"},
		"bytes": []byte{1}, "no bytes": []byte{}, "empty list": []any{}, "empty": nil, "": "no key", "with \"quotes\"": 1,
	}))
	require.NoError(tb, g.rs.Resource().Attributes().FromRaw(map[string]any{"int": 7, "host.name": "a"}))
	g.values = []feature.Value{number(12.5), {}}
}

// directConditions are conditions of the common forms and what they mean on the span of fill.
var directConditions = map[string]bool{
	`span.attributes["int"] == 401`:                            true,
	`attributes["int"] == 401`:                                 true,
	`attributes["int"]!=401`:                                   false,
	`attributes["int"] > 400`:                                  true,
	`attributes["int"] >= 401.0`:                               true,
	`attributes["int"] < 401.5`:                                true,
	`attributes["int"] <= 400.9`:                               false,
	`attributes["int"] == "401"`:                               false,
	`attributes["int"] != "401"`:                               true,
	`attributes["int"] == nil`:                                 false,
	`attributes["double"] == 2.5`:                              true,
	`attributes["double"] > 2`:                                 true,
	`attributes["double"] == true`:                             false,
	`attributes["text"] == "b"`:                                true,
	`attributes["text"] > "a"`:                                 true,
	`attributes["text"] >= "c"`:                                false,
	`attributes["text"] > 1`:                                   false,
	`attributes["true"] == true`:                               true,
	`attributes["true"] > false`:                               true,
	`attributes["false"] != true`:                              true,
	`attributes["absent"] == nil`:                              true,
	`attributes["absent"] >= nil`:                              true,
	`attributes["absent"] != nil`:                              false,
	`attributes["absent"] < 5`:                                 false,
	`attributes["absent"] != 5`:                                true,
	`attributes["empty"] == nil`:                               true,
	`attributes["list"] == nil`:                                false,
	`attributes["map"] != "x"`:                                 true,
	`attributes["bytes"] == "x"`:                               false,
	`attributes["bytes"] != nil`:                               true,
	`attributes["no bytes"] == nil`:                            true,
	`attributes["no bytes"] != "x"`:                            true,
	`attributes["empty list"] == nil`:                          false,
	`attributes["list"] >= nil`:                                false,
	`attributes["with \"quotes\""] == 1`:                       true,
	`resource.attributes["int"] == 7`:                          true,
	`resource.attributes["text"] == nil`:                       true,
	`name == "GET /login"`:                                     true,
	`span.name != "GET"`:                                       true,
	`kind == SPAN_KIND_SERVER`:                                 true,
	`span.kind == SPAN_KIND_CLIENT`:                            false,
	`span.kind != SPAN_KIND_UNSPECIFIED`:                       true,
	`kind == 2`:                                                true,
	`status.code == STATUS_CODE_ERROR`:                         true,
	`span.status.code < STATUS_CODE_OK`:                        false,
	`span.status.code != STATUS_CODE_UNSET`:                    true,
	`kind == SPAN_KIND_INTERNAL or kind == SPAN_KIND_PRODUCER`: false,
	`kind != SPAN_KIND_CONSUMER`:                               true,
	`Feature("one") > 10`:                                      true,
	`Feature("one") == 12.5`:                                   true,
	`Feature( "one" ) <= 12`:                                   false,
	`Feature("two") == nil`:                                    true,
	`Feature("two") < 1000`:                                    false,
	`not Feature("two") < 1000`:                                true,
	`not (name == "x")`:                                        true,
	`not name == "GET /login"`:                                 false,
	`name == "x" or name == "GET /login" and kind == 2`:        true,
	`(name == "GET /login" or name == "x") and kind == 3`:      false,
	`name == "GET /login" or name == "x" and kind == 3`:        true,
	`((kind == 2))`:                                            true,
	"\tname==\"GET /login\"\n and\nkind==2":                    true,
	`IsMatch(span.attributes["text"], "^[a-c]$")`:              true,
	`IsMatch(attributes["text"], "c")`:                         false,
	`IsMatch(attributes["int"], "^40")`:                        true,
	`IsMatch(attributes["double"], "5$")`:                      true,
	`IsMatch(attributes["list"], "x")`:                         true,
	`IsMatch(Feature("one"), "12.5")`:                          true,
	`name == "GET /login" and IsMatch(resource.attributes["host.name"], "b|a|\"")`:        true,
	`span.end_time_unix_nano - span.start_time_unix_nano == 5000`:                         true,
	`end_time_unix_nano-start_time_unix_nano>5000`:                                        false,
	`InList(span.attributes["text"], "letters")`:                                          true,
	`InList(attributes["list"], "letters")`:                                               true,
	`InList(attributes["map"], "letters")`:                                                false,
	`InList(attributes["int"], "letters")`:                                                false,
	`InList(attributes["absent"], "letters")`:                                             false,
	`InList(resource.attributes["host.name"], "letters") and not InList(name, "letters")`: true,
	`IsSQLInjection(attributes["text"])`:                                                  true,
	`IsSuspicious(attributes["text"])`:                                                    true,
	`IsSuspicious(name)`:                                                                  false,
	`IsSQLInjection(attributes["list"]) or IsXSS(attributes["text"])`:                     false,
	`attributes["not"] == nil and attributes["or"] == nil`:                                true,
}

func TestDirectConditions(t *testing.T) {
	for text, want := range directConditions {
		t.Run(text, func(t *testing.T) {
			g := newRig(t)
			g.fill(t)
			c, err := g.Compile(text)
			require.NoError(t, err)
			require.True(t, c.Direct(), "compiled to closures")
			ctx := g.context(t)
			got, err := c.Eval(ctx)
			require.NoError(t, err)
			assert.Equal(t, want, got)
			general, err := c.general(ctx)
			require.NoError(t, err)
			assert.Equal(t, want, general, "OTTL says the same")
		})
	}
}

// TestDirectConditionsOnOtherSpans evaluates the same conditions where most of what they ask for is missing or different.
func TestDirectConditionsOnOtherSpans(t *testing.T) {
	for name, change := range map[string]func(*rig){
		"an empty span": func(*rig) {},
		"other types": func(g *rig) {
			a := g.span.Attributes()
			a.PutStr("int", "401")
			a.PutInt("double", 2)
			a.PutBool("text", true)
			a.PutDouble("true", 1)
			a.PutEmptySlice("absent")
			g.values[1] = number(999)
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t)
			change(g)
			conditions := map[string]*Condition{}
			for text := range directConditions {
				var err error
				conditions[text], err = g.Compile(text)
				require.NoError(t, err)
			}
			ctx := g.context(t)
			for text, c := range conditions {
				got, err := c.Eval(ctx)
				require.NoError(t, err)
				want, err := c.general(ctx)
				require.NoError(t, err)
				assert.Equal(t, want, got, text)
			}
		})
	}
}

func TestConditionsLeftToOTTL(t *testing.T) {
	for text, want := range map[string]bool{
		`IsRootSpan()`:                    true,
		`Feature("one") / 2 > 6`:          true,
		`Feature("one") > Feature("two")`: false,
		`5 < Feature("one")`:              true,
		`attributes["map"]["k"] == "v"`:   true,
		`attributes["int"] == -401`:       false,
		`true`:                            true,
		`span.start_time_unix_nano - span.end_time_unix_nano > 1`: false,
		`span.end_time_unix_nano > 1`:                             true,
		`scope.name == ""`:                                        true,
		`attributes["int"] == 0401`:                               false,
		`IsMatch(attributes["absent"], "")`:                       false,
	} {
		t.Run(text, func(t *testing.T) {
			g := newRig(t)
			g.fill(t)
			c, err := g.Compile(text)
			require.NoError(t, err)
			assert.False(t, c.Direct())
			got, err := c.Eval(g.context(t))
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestCompileFaults(t *testing.T) {
	for text, want := range map[string]string{
		``:                          "syntax",
		`name ==`:                   "syntax",
		`attributes["a"] = 1`:       "syntax",
		`atributes["a"] == 1`:       "atributes",
		`span.nam == "x"`:           "nam",
		`Feature("three") > 1`:      `feature "three" is not defined; known are one, two`,
		`Feature() > 1`:             "Feature",
		`Feature(1) > 1`:            "Feature",
		`feature("one") > 1`:        "uppercase",
		`Unknown("a") == 1`:         "Unknown",
		`kind == SPAN_KIND_SERVERR`: "SPAN_KIND_SERVERR",
		`IsMatch(name, "(")`:        "regex",
		`set(attributes["a"], 1)`:   "syntax",
		`metric.name == "x"`:        "metric",
		`Feature("one")`:            "",
	} {
		t.Run(text, func(t *testing.T) {
			_, err := newRig(t).Compile(text)
			if want == "" {
				require.NoError(t, err, "OTTL finds out only on a span that this is not a condition")
				return
			}
			require.ErrorContains(t, err, want)
		})
	}
}

func TestWithoutFeaturesNoneIsKnown(t *testing.T) {
	c, err := NewCompiler(componenttest.NewNopTelemetrySettings(), Spans, feature.NewReader(1), &Names{})
	require.NoError(t, err)
	_, err = c.Compile(`Feature("one") > 1`)
	require.ErrorContains(t, err, "no feature can be used here")
}

func TestFeatureIsFoundThroughWrappedContexts(t *testing.T) {
	g := newRig(t)
	ctx := g.context(t)
	type other struct{}
	assert.Same(t, ctx.Vector, vectorOf(context.WithValue(ctx, other{}, 1)), "OTTL wraps the context in lambdas")
	assert.Nil(t, vectorOf(t.Context()))
	_, err := newFeature(t, g)(t.Context(), nil)
	require.ErrorIs(t, err, errNoVector)
}

func newFeature(t *testing.T, g *rig) ottl.ExprFunc[*ottlspan.TransformContext] {
	t.Helper()
	f, err := newFeatureFactory[*ottlspan.TransformContext](g.names.Features).CreateFunction(ottl.FunctionContext{}, &featureArguments{Name: "one"})
	require.NoError(t, err)
	return f
}

func TestSet(t *testing.T) {
	g := newRig(t)
	g.fill(t)
	set := Set{nil}
	for _, text := range []string{`name == "x"`, `kind == 2`, `Len(attributes["int"]) == 1`, `Feature("one") > 1`} {
		c, err := g.Compile(text)
		require.NoError(t, err)
		set = append(set, c)
	}
	var failed []int
	hits := set.Eval(g.context(t), func(place int, err error) {
		require.Error(t, err)
		failed = append(failed, place)
	})
	assert.Equal(t, []int{0, 2, 4}, slices.Collect(hits.All()), "nil holds for every span, an error does not")
	assert.Equal(t, []int{3}, failed)
}

func TestHits(t *testing.T) {
	var h Hits
	assert.True(t, h.Empty())
	places := []int{0, 1, 63, 64, 127, 200, MaxRules - 1}
	for _, p := range slices.Backward(places) {
		assert.False(t, h.Has(p))
		h.Add(p)
		assert.True(t, h.Has(p))
	}
	assert.False(t, h.Has(65))
	assert.False(t, h.Empty())
	assert.Equal(t, len(places), h.Len())
	assert.Equal(t, places, slices.Collect(h.All()))
	for p := range h.All() {
		assert.Zero(t, p, "stops when told to")
		break
	}
}
