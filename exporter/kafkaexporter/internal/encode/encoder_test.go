// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package encode

import (
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatautil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func parseTraces(tb testing.TB, json bool, value []byte) ptrace.Traces {
	tb.Helper()
	var u ptrace.Unmarshaler = &ptrace.ProtoUnmarshaler{}
	if json {
		u = &ptrace.JSONUnmarshaler{}
	}
	td, err := u.UnmarshalTraces(value)
	require.NoError(tb, err)
	return td
}

func TestUnkeyedDataIsOneRecordThatHoldsEverything(t *testing.T) {
	td := makeTraces(rand.New(rand.NewPCG(1, 1)), 2, 2, 3, 4)
	for _, json := range []bool{false, true} {
		records, err := Encoder{JSON: json}.Traces(td)
		require.NoError(t, err)
		require.Len(t, records, 1)
		assert.Nil(t, records[0].Key)
		assert.Equal(t, 12, records[0].Items)
		assert.Equal(t, spansOf(td), spansOf(parseTraces(t, json, records[0].Value)))
	}
}

func TestDataWithoutResourcesIsNoRecord(t *testing.T) {
	for _, keying := range []Keying{Unkeyed, ByTraceID, ByResource} {
		e := Encoder{Keying: keying}
		records, err := e.Traces(ptrace.NewTraces())
		require.NoError(t, err)
		assert.Empty(t, records)
		records, err = e.Logs(plog.NewLogs())
		require.NoError(t, err)
		assert.Empty(t, records)
		records, err = e.Metrics(pmetric.NewMetrics())
		require.NoError(t, err)
		assert.Empty(t, records)
	}
}

func TestByTraceIDEachRecordHoldsOneTraceAndNothingIsLost(t *testing.T) {
	for _, json := range []bool{false, true} {
		for seed := range uint64(30) {
			r := rand.New(rand.NewPCG(seed, 2))
			td := makeTraces(r, 1+r.IntN(4), r.IntN(4), r.IntN(20), 1+r.IntN(9))
			records, err := Encoder{JSON: json, Keying: ByTraceID}.Traces(td)
			require.NoError(t, err)
			var all []string
			keys := make(map[string]bool)
			for _, record := range records {
				part := parseTraces(t, json, record.Value)
				assert.Equal(t, record.Items, part.SpanCount())
				requireOneTrace(t, part, record.Key)
				assert.False(t, keys[string(record.Key)], "two records for trace %q", record.Key)
				keys[string(record.Key)] = true
				all = append(all, spansOf(part)...)
			}
			want := spansOf(td)
			slices.Sort(all)
			slices.Sort(want)
			require.Equal(t, want, all, "seed %d", seed)
		}
	}
}

func requireOneTrace(t *testing.T, part ptrace.Traces, key []byte) {
	t.Helper()
	for _, rs := range part.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				if id := span.TraceID(); id.IsEmpty() {
					require.Nil(t, key)
				} else {
					require.Equal(t, hex.EncodeToString(id[:]), string(key))
				}
			}
		}
	}
}

func TestLogsByTraceID(t *testing.T) {
	records, err := Encoder{Keying: ByTraceID}.Logs(makeLogs(2, 9, 3))
	require.NoError(t, err)
	require.Len(t, records, 3)
	for i, record := range records {
		ld, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(record.Value)
		require.NoError(t, err)
		assert.Equal(t, 6, ld.LogRecordCount())
		assert.Equal(t, 6, record.Items)
		id := ld.ResourceLogs().At(1).ScopeLogs().At(0).LogRecords().At(0).TraceID()
		if i == 0 {
			assert.Nil(t, record.Key)
			assert.True(t, id.IsEmpty())
		} else {
			assert.Equal(t, hex.EncodeToString(id[:]), string(record.Key))
		}
	}
}

func TestByResourceEqualResourcesShareARecord(t *testing.T) {
	td := makeTraces(rand.New(rand.NewPCG(3, 3)), 5, 1, 2, 3) // service-0, 1, 2, 0, 1
	for _, json := range []bool{false, true} {
		records, err := Encoder{JSON: json, Keying: ByResource}.Traces(td)
		require.NoError(t, err)
		require.Len(t, records, 3)
		var all []string
		for i, items := range []int{4, 4, 2} {
			assert.Len(t, records[i].Key, 16)
			assert.Equal(t, items, records[i].Items)
			all = append(all, spansOf(parseTraces(t, json, records[i].Value))...)
		}
		want := spansOf(td)
		slices.Sort(all)
		slices.Sort(want)
		assert.Equal(t, want, all)
	}
}

func TestMetricsAndLogsByResource(t *testing.T) {
	for _, json := range []bool{false, true} {
		e := Encoder{JSON: json, Keying: ByResource}
		records, err := e.Metrics(makeMetrics(3))
		require.NoError(t, err)
		require.Len(t, records, 2)
		assert.Equal(t, 10, records[0].Items)
		assert.Equal(t, 5, records[1].Items)
		assert.Equal(t, 10, countPoints(t, json, records[0].Value))

		records, err = e.Logs(makeLogs(3, 4, 1))
		require.NoError(t, err)
		require.Len(t, records, 2)
		assert.Equal(t, 8, records[0].Items)
	}
}

func countPoints(t *testing.T, json bool, value []byte) int {
	t.Helper()
	var u pmetric.Unmarshaler = &pmetric.ProtoUnmarshaler{}
	if json {
		u = &pmetric.JSONUnmarshaler{}
	}
	md, err := u.UnmarshalMetrics(value)
	require.NoError(t, err)
	return md.DataPointCount()
}

func TestResourceKeysDependOnContentOnly(t *testing.T) {
	build := func(fill func(pcommon.Map)) [16]byte {
		m := pcommon.NewMap()
		fill(m)
		return pdatautil.MapHash(m)
	}
	base := build(func(m pcommon.Map) { m.PutStr("a", "1"); m.PutStr("b", "2") })
	assert.Equal(t, base, build(func(m pcommon.Map) { m.PutStr("b", "2"); m.PutStr("a", "1") }), "the order does not matter")
	for name, other := range map[string][16]byte{
		"nothing":         build(func(pcommon.Map) {}),
		"another value":   build(func(m pcommon.Map) { m.PutStr("a", "1"); m.PutStr("b", "3") }),
		"a number":        build(func(m pcommon.Map) { m.PutInt("a", 1); m.PutStr("b", "2") }),
		"a double":        build(func(m pcommon.Map) { m.PutDouble("a", 1); m.PutStr("b", "2") }),
		"a bool":          build(func(m pcommon.Map) { m.PutBool("a", true); m.PutStr("b", "2") }),
		"another bool":    build(func(m pcommon.Map) { m.PutBool("a", false); m.PutStr("b", "2") }),
		"nested":          build(func(m pcommon.Map) { m.PutEmptyMap("a").PutStr("a", "1"); m.PutStr("b", "2") }),
		"a slice":         build(func(m pcommon.Map) { m.PutEmptySlice("a").AppendEmpty().SetStr("1"); m.PutStr("b", "2") }),
		"bytes":           build(func(m pcommon.Map) { m.PutEmptyBytes("a").FromRaw([]byte("1")); m.PutStr("b", "2") }),
		"shifted letters": build(func(m pcommon.Map) { m.PutStr("a1", ""); m.PutStr("b", "2") }),
	} {
		assert.NotEqual(t, base, other, name)
	}
}
