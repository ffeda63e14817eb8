// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package encode

import (
	"fmt"
	"slices"

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
	// Room, if not nil, is memory in which Value lies at Offset, free in front of it and behind it. It is the record's alone.
	Room   []byte
	Offset int
	// Items is the number of spans, data points or log records in Value.
	Items int
	// Topic receives the record. The functions of this package leave it to the caller.
	Topic string
	// Headers are left to the caller, too. Records may share them.
	Headers []recordbatch.Header

	slab *slab
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
	// Memory is where otlp_proto is written. Nil takes fresh memory for every request.
	Memory *Memory
}

// Traces encodes td. Data without any resource gives no record.
func (e Encoder) Traces(td ptrace.Traces) ([]Record, error) {
	if e.JSON && e.Keying == Unkeyed {
		if td.ResourceSpans().Len() == 0 {
			return nil, nil
		}
		value, err := (&ptrace.JSONMarshaler{}).MarshalTraces(td)
		return whole(value, td.SpanCount(), err)
	}
	records := e.traced(traces{td.ResourceSpans()})
	if !e.JSON {
		return records, nil
	}
	return toJSON(records, tracesToJSON)
}

// Metrics encodes md. Data without any resource gives no record.
func (e Encoder) Metrics(md pmetric.Metrics) ([]Record, error) {
	if e.JSON && e.Keying == Unkeyed {
		if md.ResourceMetrics().Len() == 0 {
			return nil, nil
		}
		value, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(md)
		return whole(value, md.DataPointCount(), err)
	}
	records := e.proto(metrics{md.ResourceMetrics()})
	if !e.JSON {
		return records, nil
	}
	return toJSON(records, metricsToJSON)
}

// Logs encodes ld. Data without any resource gives no record.
func (e Encoder) Logs(ld plog.Logs) ([]Record, error) {
	if e.JSON && e.Keying == Unkeyed {
		if ld.ResourceLogs().Len() == 0 {
			return nil, nil
		}
		value, err := (&plog.JSONMarshaler{}).MarshalLogs(ld)
		return whole(value, ld.LogRecordCount(), err)
	}
	records := e.traced(logs{ld.ResourceLogs()})
	if !e.JSON {
		return records, nil
	}
	return toJSON(records, logsToJSON)
}

// traced writes otlp_proto of a signal that has trace ids.
func (e Encoder) traced(data traced) []Record {
	if e.Keying == ByTraceID && data.resources() > 0 {
		return e.slab(0).byTraceID(data)
	}
	return e.proto(data)
}

// proto writes otlp_proto of any signal.
func (e Encoder) proto(data source) []Record {
	switch {
	case data.resources() == 0:
		return nil
	case e.Keying == ByResource:
		return e.slab(0).byResource(data)
	default:
		return []Record{e.slab(frontRoom).all(data)}
	}
}

func (e Encoder) slab(room int) *slab {
	if e.Memory == nil {
		return new(Memory).get(room)
	}
	return e.Memory.get(room)
}

// Room around a record that has a slab for itself: enough for the batch's header and the record's fields in front of the
// value, and for a few headers behind it.
const frontRoom, backRoom = 512, 512

// all makes the one record of data without keys.
func (s *slab) all(data source) Record {
	items, from := 0, len(s.bytes)
	for i := range data.resources() {
		items += data.items(i)
		s.bytes = data.append(s.bytes, i)
	}
	s.bytes = slices.Grow(s.bytes, backRoom)
	r := s.record(span{from, len(s.bytes)}, items)
	r.Room, r.Offset = s.bytes[:cap(s.bytes)], from
	return r
}

// record makes a record of what lies between two places. The slab's bytes must not grow any more.
func (s *slab) record(value span, items int) Record {
	s.records.Add(1)
	return Record{Value: s.bytes[value.from:value.to:value.to], Items: items, slab: s}
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
		records[i].Release()
		records[i].Value = value
	}
	return records, nil
}

func tracesToJSON(proto []byte) ([]byte, error) {
	part, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(proto)
	if err != nil {
		return nil, err
	}
	return (&ptrace.JSONMarshaler{}).MarshalTraces(part)
}

func metricsToJSON(proto []byte) ([]byte, error) {
	part, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(proto)
	if err != nil {
		return nil, err
	}
	return (&pmetric.JSONMarshaler{}).MarshalMetrics(part)
}

func logsToJSON(proto []byte) ([]byte, error) {
	part, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(proto)
	if err != nil {
		return nil, err
	}
	return (&plog.JSONMarshaler{}).MarshalLogs(part)
}
