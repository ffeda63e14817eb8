// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package encode

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func TestCuttingJSONLosesAndRepeatsNothing(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 6))
		td := makeTraces(r, 1+r.IntN(4), 1+r.IntN(3), r.IntN(8), 5)
		if r.IntN(2) == 0 {
			td.ResourceSpans().At(0).Resource().Attributes().PutStr("long", strings.Repeat("x", r.IntN(900)))
		}
		value, err := (&ptrace.JSONMarshaler{}).MarshalTraces(td)
		require.NoError(t, err)
		most := 1 + r.IntN(len(value))
		fit, tooLarge, err := CutTracesJSON(value, most)
		require.NoError(t, err)
		var all []string
		for _, piece := range append(fit, tooLarge...) {
			part := parseTraces(t, true, piece.Value)
			require.Equal(t, part.SpanCount(), piece.Items)
			all = append(all, spansOf(part)...)
		}
		for _, piece := range fit {
			require.LessOrEqual(t, len(piece.Value), most)
		}
		for _, piece := range tooLarge {
			require.Greater(t, len(piece.Value), most)
		}
		want := spansOf(td)
		slices.Sort(all)
		slices.Sort(want)
		require.Equal(t, want, all, "seed %d, at most %d bytes", seed, most)
	}
}

func TestLogsAndMetricsAreCutAsJSON(t *testing.T) {
	value, err := (&plog.JSONMarshaler{}).MarshalLogs(makeLogs(3, 20, 4))
	require.NoError(t, err)
	fit, tooLarge, err := CutLogsJSON(value, 500)
	require.NoError(t, err)
	require.Empty(t, tooLarge)
	assert.Equal(t, 60, itemsOf(fit))
	value, err = (&pmetric.JSONMarshaler{}).MarshalMetrics(makeMetrics(4))
	require.NoError(t, err)
	fit, tooLarge, err = CutMetricsJSON(value, 500)
	require.NoError(t, err)
	require.Empty(t, tooLarge)
	assert.Equal(t, 20, itemsOf(fit))
	for _, cut := range []func([]byte, int) ([]Piece, []Piece, error){CutTracesJSON, CutLogsJSON, CutMetricsJSON, CutArray} {
		_, _, err := cut([]byte("{"), 10)
		assert.Error(t, err)
	}
}

func itemsOf(pieces []Piece) int {
	items := 0
	for _, piece := range pieces {
		items += piece.Items
	}
	return items
}

func TestArraysAreCutBetweenElements(t *testing.T) {
	fit, tooLarge, err := CutArray([]byte(`[1, {"a":2},"three", "much too long", []]`), 10)
	require.NoError(t, err)
	var values []string
	for _, piece := range fit {
		require.LessOrEqual(t, len(piece.Value), 10)
		require.True(t, json.Valid(piece.Value))
		values = append(values, string(piece.Value))
	}
	assert.Equal(t, []string{`[1]`, `[{"a":2}]`, `["three"]`, `[[]]`}, values)
	require.Len(t, tooLarge, 1)
	assert.Equal(t, `["much too long"]`, string(tooLarge[0].Value))
}
