// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package express

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// spans are of two resources and three tenants; the last has none.
func spans() ptrace.Traces {
	td := ptrace.NewTraces()
	for _, env := range []string{"test", "live"} {
		rs := td.ResourceSpans().AppendEmpty()
		rs.SetSchemaUrl("schema of " + env)
		rs.Resource().Attributes().PutStr("env", env)
		for _, scope := range []string{"one", "two"} {
			ss := rs.ScopeSpans().AppendEmpty()
			ss.Scope().SetName(scope)
			for _, tenant := range []string{"a", "b", "a", ""} {
				span := ss.Spans().AppendEmpty()
				span.SetName(env + scope + tenant)
				if tenant != "" {
					span.Attributes().PutStr("tenant", tenant)
				}
			}
		}
	}
	return td
}

func TestSpansAreSortedByTopicAndKey(t *testing.T) {
	sorter, err := Spans(componenttest.NewNopTelemetrySettings(), Expressions{
		Topic: `Concat(["spans", resource.attributes["env"]], "-")`, Key: `span.attributes["tenant"]`,
	})
	require.NoError(t, err)
	td := spans()
	parts, failures := sorter(t.Context(), td)
	assert.Zero(t, failures)
	var places []Place
	total := 0
	for _, part := range parts {
		places = append(places, part.Place)
		total += part.Data.SpanCount()
		for _, rs := range part.Data.ResourceSpans().All() {
			env, _ := rs.Resource().Attributes().Get("env")
			assert.Equal(t, "spans-"+env.Str(), part.Topic)
			assert.Equal(t, "schema of "+env.Str(), rs.SchemaUrl())
			require.Equal(t, 2, rs.ScopeSpans().Len())
			for _, ss := range rs.ScopeSpans().All() {
				for _, span := range ss.Spans().All() {
					assert.Equal(t, env.Str()+ss.Scope().Name()+part.Key, span.Name())
				}
			}
		}
	}
	assert.Equal(t, []Place{
		{"spans-test", "a"}, {"spans-test", "b"}, {"spans-test", ""}, {"spans-live", "a"}, {"spans-live", "b"}, {"spans-live", ""},
	}, places)
	assert.Equal(t, td.SpanCount(), total)
	assert.Equal(t, 4, parts[0].Data.SpanCount())
}

func TestWhatIsOfAnotherTypeIsWrittenAsText(t *testing.T) {
	sorter, err := LogRecords(componenttest.NewNopTelemetrySettings(), Expressions{Key: `log.attributes["code"]`})
	require.NoError(t, err)
	ld := plog.NewLogs()
	ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Attributes().PutInt("code", 404)
	parts, failures := sorter(t.Context(), ld)
	assert.Zero(t, failures)
	require.Len(t, parts, 1)
	assert.Equal(t, Place{Key: "404"}, parts[0].Place)
}

func TestMetricsKeepTheirDataPoints(t *testing.T) {
	sorter, err := Metrics(componenttest.NewNopTelemetrySettings(), Expressions{Topic: `metric.name`})
	require.NoError(t, err)
	md := pmetric.NewMetrics()
	all := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	for _, name := range []string{"a", "b"} {
		metric := all.AppendEmpty()
		metric.SetName(name)
		points := metric.SetEmptyGauge().DataPoints()
		points.AppendEmpty()
		points.AppendEmpty()
	}
	parts, _ := sorter(t.Context(), md)
	require.Len(t, parts, 2)
	assert.Equal(t, "b", parts[1].Topic)
	assert.Equal(t, 2, parts[1].Data.DataPointCount())
}

func TestAnExpressionThatFailsSaysNothingAndIsCounted(t *testing.T) {
	sorter, err := Spans(componenttest.NewNopTelemetrySettings(), Expressions{Topic: `Substring(span.name, 0, 4)`, Key: `span.name`})
	require.NoError(t, err)
	td := ptrace.NewTraces()
	all := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	all.AppendEmpty().SetName("ab")
	all.AppendEmpty().SetName("abcdef")
	parts, failures := sorter(t.Context(), td)
	assert.Equal(t, 1, failures)
	require.Len(t, parts, 2)
	assert.Equal(t, Place{"", "ab"}, parts[0].Place)
	assert.Equal(t, Place{"abcd", "abcdef"}, parts[1].Place)
}

func TestWrongExpressionsAreRefusedByTheirSetting(t *testing.T) {
	for _, text := range []string{"span.attributes[", "attributes[\"tenant\"]", "Nonsense(span.name)", "log.body", "set(span.name, \"a\")"} {
		_, err := Spans(componenttest.NewNopTelemetrySettings(), Expressions{Topic: text})
		require.ErrorContains(t, err, "`traces::topic_from_ottl`", text)
		require.ErrorContains(t, err, "found", text)
		_, err = Spans(componenttest.NewNopTelemetrySettings(), Expressions{Key: text})
		require.ErrorContains(t, err, "`traces::message_key_from_ottl`", text)
	}
}
