// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"errors"
	"math"
	"testing"

	jaegermodel "github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func someTraces() ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "shop")
	for n := range 3 {
		span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		span.SetTraceID(pcommon.TraceID{7: 1, 15: byte(n)})
		span.SetSpanID(pcommon.SpanID{byte(n + 1)})
		span.SetName("GET")
	}
	return td
}

func TestJaegerMakesASpanARecordThatNamesItsService(t *testing.T) {
	records, err := JaegerProto(someTraces())
	require.NoError(t, err)
	require.Len(t, records, 3)
	for n, r := range records {
		var span jaegermodel.Span
		require.NoError(t, span.Unmarshal(r.Value))
		assert.Equal(t, "GET", span.OperationName)
		assert.Equal(t, "shop", span.Process.ServiceName)
		assert.Equal(t, span.TraceID.String(), string(r.Key))
		assert.Equal(t, uint64(n), span.TraceID.Low)
		assert.Equal(t, 1, r.Items)
	}
	records, err = JaegerJSON(someTraces())
	require.NoError(t, err)
	assert.Contains(t, string(records[0].Value), `"operationName":"GET"`)
}

func TestZipkinMakesOneRecord(t *testing.T) {
	for _, translate := range []func(ptrace.Traces) (int, error){
		func(td ptrace.Traces) (int, error) { r, err := ZipkinJSON(td); return r[0].Items, err },
		func(td ptrace.Traces) (int, error) { r, err := ZipkinProto(td); return r[0].Items, err },
	} {
		items, err := translate(someTraces())
		require.NoError(t, err)
		assert.Equal(t, 3, items)
	}
}

func TestRawWritesBodies(t *testing.T) {
	ld := plog.NewLogs()
	logs := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	logs.AppendEmpty().Body().SetStr(`a "line"`)
	logs.AppendEmpty() // no body
	logs.AppendEmpty().Body().SetEmptyBytes().FromRaw([]byte{1, 2})
	logs.AppendEmpty().Body().SetEmptyMap().PutInt("n", 1)
	records, err := Raw(ld)
	require.NoError(t, err)
	var values []string
	for _, r := range records {
		assert.Nil(t, r.Key)
		values = append(values, string(r.Value))
	}
	assert.Equal(t, []string{`"a \"line\""`, "\x01\x02", `{"n":1}`}, values)
	logs.AppendEmpty().Body().SetDouble(math.NaN())
	_, err = Raw(ld)
	assert.ErrorContains(t, err, "NaN")
}

func TestWholePassesErrorsOn(t *testing.T) {
	broken := errors.New("broken")
	_, err := Whole(func(ptrace.Traces) ([]byte, error) { return nil, broken }, ptrace.Traces.SpanCount)(someTraces())
	assert.ErrorIs(t, err, broken)
}
