// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package encode

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/recordbatch"
)

// Record is one Kafka message.
type Record struct {
	// Key is nil for a record that may go to any partition.
	Key []byte
	// Value is the encoded data.
	Value []byte
	// Items is the number of spans, data points or log records in Value.
	Items int
	// Topic receives the record. The functions of this package leave it to the caller.
	Topic string
	// Headers are left to the caller, too. Records may share them.
	Headers []recordbatch.Header
}

// Keying is the choice of a record's key.
type Keying uint8

const (
	// Unkeyed makes one record of a request.
	Unkeyed Keying = iota
	// ByTraceID makes one record of each trace, keyed by the trace id in hexadecimal. Items without a trace id share
	// one record without a key.
	ByTraceID
	// ByResource makes one record of each distinct set of resource attributes, keyed by a 16-byte hash of them.
	ByResource
)

// Encoder encodes one signal in one way.
type Encoder struct {
	// JSON chooses otlp_json over otlp_proto.
	JSON bool
	// Keying chooses the keys. ByTraceID is not for metrics.
	Keying Keying
}

// Traces encodes td. Data without any resource gives no record.
func (e Encoder) Traces(td ptrace.Traces) ([]Record, error) {
	resources := td.ResourceSpans()
	if resources.Len() == 0 {
		return nil, nil
	}
	if e.JSON && e.Keying == Unkeyed {
		value, err := (&ptrace.JSONMarshaler{}).MarshalTraces(td)
		return whole(value, td.SpanCount(), err)
	}
	value, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	if err != nil {
		return nil, fmt.Errorf("encode traces as otlp_proto: %w", err)
	}
	records, err := e.sort(value, fieldSpanTraceID, td.SpanCount(), resources.Len(), func(i int) (pcommon.Map, int) {
		rs, items := resources.At(i), 0
		for j := range rs.ScopeSpans().Len() {
			items += rs.ScopeSpans().At(j).Spans().Len()
		}
		return rs.Resource().Attributes(), items
	})
	if err != nil || !e.JSON {
		return records, err
	}
	return toJSON(records, func(value []byte) ([]byte, error) {
		part, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(value)
		if err != nil {
			return nil, err
		}
		return (&ptrace.JSONMarshaler{}).MarshalTraces(part)
	})
}

// Metrics encodes md. Data without any resource gives no record.
func (e Encoder) Metrics(md pmetric.Metrics) ([]Record, error) {
	resources := md.ResourceMetrics()
	if resources.Len() == 0 {
		return nil, nil
	}
	if e.JSON && e.Keying == Unkeyed {
		value, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(md)
		return whole(value, md.DataPointCount(), err)
	}
	value, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
	if err != nil {
		return nil, fmt.Errorf("encode metrics as otlp_proto: %w", err)
	}
	records, err := e.sort(value, 0, md.DataPointCount(), resources.Len(), func(i int) (pcommon.Map, int) {
		return resources.At(i).Resource().Attributes(), dataPoints(resources.At(i))
	})
	if err != nil || !e.JSON {
		return records, err
	}
	return toJSON(records, func(value []byte) ([]byte, error) {
		part, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(value)
		if err != nil {
			return nil, err
		}
		return (&pmetric.JSONMarshaler{}).MarshalMetrics(part)
	})
}

// Logs encodes ld. Data without any resource gives no record.
func (e Encoder) Logs(ld plog.Logs) ([]Record, error) {
	resources := ld.ResourceLogs()
	if resources.Len() == 0 {
		return nil, nil
	}
	if e.JSON && e.Keying == Unkeyed {
		value, err := (&plog.JSONMarshaler{}).MarshalLogs(ld)
		return whole(value, ld.LogRecordCount(), err)
	}
	value, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
	if err != nil {
		return nil, fmt.Errorf("encode logs as otlp_proto: %w", err)
	}
	records, err := e.sort(value, fieldLogTraceID, ld.LogRecordCount(), resources.Len(), func(i int) (pcommon.Map, int) {
		rl, items := resources.At(i), 0
		for j := range rl.ScopeLogs().Len() {
			items += rl.ScopeLogs().At(j).LogRecords().Len()
		}
		return rl.Resource().Attributes(), items
	})
	if err != nil || !e.JSON {
		return records, err
	}
	return toJSON(records, func(value []byte) ([]byte, error) {
		part, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(value)
		if err != nil {
			return nil, err
		}
		return (&plog.JSONMarshaler{}).MarshalLogs(part)
	})
}

// sort makes records of a marshalled request. describe returns the attributes and the number of items of resource i.
func (e Encoder) sort(value []byte, traceField, items, resources int, describe func(i int) (pcommon.Map, int)) ([]Record, error) {
	switch e.Keying {
	case ByTraceID:
		return byTraceID(value, traceField, items)
	case ByResource:
		return byResource(value, resources, describe)
	default:
		return []Record{{Value: value, Items: items}}, nil
	}
}

// whole makes the one record of JSON data without keys.
func whole(value []byte, items int, err error) ([]Record, error) {
	if err != nil {
		return nil, fmt.Errorf("encode as otlp_json: %w", err)
	}
	return []Record{{Value: value, Items: items}}, nil
}

// toJSON replaces each record's value by its JSON form. The way over protobuf costs less than copying the pdata of
// each record for keyed data; JSON is not the fast encoding.
func toJSON(records []Record, convert func([]byte) ([]byte, error)) ([]Record, error) {
	for i := range records {
		value, err := convert(records[i].Value)
		if err != nil {
			return nil, fmt.Errorf("encode as otlp_json: %w", err)
		}
		records[i].Value = value
	}
	return records, nil
}

func dataPoints(rm pmetric.ResourceMetrics) int {
	count := 0
	for i := range rm.ScopeMetrics().Len() {
		metrics := rm.ScopeMetrics().At(i).Metrics()
		for j := range metrics.Len() {
			count += pointsOf(metrics.At(j))
		}
	}
	return count
}

func pointsOf(m pmetric.Metric) int {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return m.Gauge().DataPoints().Len()
	case pmetric.MetricTypeSum:
		return m.Sum().DataPoints().Len()
	case pmetric.MetricTypeHistogram:
		return m.Histogram().DataPoints().Len()
	case pmetric.MetricTypeExponentialHistogram:
		return m.ExponentialHistogram().DataPoints().Len()
	case pmetric.MetricTypeSummary:
		return m.Summary().DataPoints().Len()
	default:
		return 0
	}
}
