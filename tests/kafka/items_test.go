// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// item is one span, metric or log record.
type item struct {
	// bytes is the item with its resource and scope, all else removed, as OTLP protobuf.
	bytes string
	// resource is the text of the resource's attributes.
	resource string
	// trace is the trace id in lower-case hexadecimal digits, "" for none.
	trace string
}

// splitTraces returns the items of a payload.
func splitTraces(payload ptrace.Traces) (items []item) {
	for _, resource := range payload.ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				single := ptrace.NewTraces()
				r := single.ResourceSpans().AppendEmpty()
				resource.Resource().CopyTo(r.Resource())
				r.SetSchemaUrl(resource.SchemaUrl())
				s := r.ScopeSpans().AppendEmpty()
				scope.Scope().CopyTo(s.Scope())
				s.SetSchemaUrl(scope.SchemaUrl())
				span.CopyTo(s.Spans().AppendEmpty())
				bytes, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(single)
				items = append(items, newItem(bytes, err, resource.Resource(), span.TraceID()))
			}
		}
	}
	return items
}

// splitMetrics returns the items of a payload.
func splitMetrics(payload pmetric.Metrics) (items []item) {
	for _, resource := range payload.ResourceMetrics().All() {
		for _, scope := range resource.ScopeMetrics().All() {
			for _, metric := range scope.Metrics().All() {
				single := pmetric.NewMetrics()
				r := single.ResourceMetrics().AppendEmpty()
				resource.Resource().CopyTo(r.Resource())
				r.SetSchemaUrl(resource.SchemaUrl())
				s := r.ScopeMetrics().AppendEmpty()
				scope.Scope().CopyTo(s.Scope())
				s.SetSchemaUrl(scope.SchemaUrl())
				metric.CopyTo(s.Metrics().AppendEmpty())
				bytes, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(single)
				items = append(items, newItem(bytes, err, resource.Resource(), pcommon.TraceID{}))
			}
		}
	}
	return items
}

// splitLogs returns the items of a payload.
func splitLogs(payload plog.Logs) (items []item) {
	for _, resource := range payload.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				single := plog.NewLogs()
				r := single.ResourceLogs().AppendEmpty()
				resource.Resource().CopyTo(r.Resource())
				r.SetSchemaUrl(resource.SchemaUrl())
				s := r.ScopeLogs().AppendEmpty()
				scope.Scope().CopyTo(s.Scope())
				s.SetSchemaUrl(scope.SchemaUrl())
				record.CopyTo(s.LogRecords().AppendEmpty())
				bytes, err := (&plog.ProtoMarshaler{}).MarshalLogs(single)
				items = append(items, newItem(bytes, err, resource.Resource(), record.TraceID()))
			}
		}
	}
	return items
}

// newItem takes the result of a marshaler. Its error is part of the bytes, so that it shows up as a difference.
func newItem(bytes []byte, err error, resource pcommon.Resource, trace pcommon.TraceID) item {
	if err != nil {
		return item{bytes: "marshal: " + err.Error()}
	}
	i := item{bytes: string(bytes), resource: attributesText(resource.Attributes())}
	if !trace.IsEmpty() {
		i.trace = hex.EncodeToString(trace[:])
	}
	return i
}

// attributesText renders attributes in an order of their own, so that equal attributes are equal texts.
func attributesText(attributes pcommon.Map) string {
	raw := attributes.AsRaw()
	var text []byte
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		value, _ := attributes.Get(key)
		text = append(append(append(append(text, key...), '='), value.AsString()...), '\n')
	}
	return string(text)
}

// difference counts what keeps two collections of items from being the same.
type difference struct{ missing, repeated, unknown int }

// String says it in words.
func (d difference) String() string {
	return fmt.Sprintf("%d are missing, %d are there again, and %d that were not sent are there", d.missing, d.repeated, d.unknown)
}

// diff compares what was sent, in which every item is different, with what was found.
func diff(sent, found []item) (d difference) {
	expected := make(map[string]bool, len(sent))
	for _, i := range sent {
		expected[i.bytes] = true
	}
	d.missing = len(sent)
	for _, i := range found {
		first, known := expected[i.bytes]
		switch {
		case !known:
			d.unknown++
		case !first:
			d.repeated++
		default:
			d.missing--
			expected[i.bytes] = false
		}
	}
	return d
}

// requireExactlyOnce fails the test unless found has every item of sent once and nothing else.
func requireExactlyOnce(t *testing.T, sent, found []item) {
	t.Helper()
	if len(sent) == 0 {
		t.Fatal("the test sent nothing")
	}
	if d := diff(sent, found); d != (difference{}) {
		t.Fatalf("of %d items sent %v", len(sent), d)
	}
}

func TestDiffTellsLossFromRepetition(t *testing.T) {
	a, b, c := item{bytes: "a"}, item{bytes: "b"}, item{bytes: "c"}
	for _, test := range []struct {
		name  string
		found []item
		want  difference
	}{
		{"the same in another order", []item{b, a}, difference{}},
		{"nothing", nil, difference{missing: 2}},
		{"one is missing", []item{a}, difference{missing: 1}},
		{"one is there three times", []item{a, b, a, a}, difference{repeated: 2}},
		{"one is another", []item{a, c, c}, difference{missing: 1, unknown: 2}},
	} {
		if found := diff([]item{a, b}, test.found); found != test.want {
			t.Errorf("%s: %v, want %v", test.name, found, test.want)
		}
	}
}
