// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/gogo/protobuf/jsonpb"
	jaegermodel "github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/translator/jaeger"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
)

// JaegerProto makes one record of each span, a jaeger.api_v2.Span keyed by its trace id in hexadecimal.
func JaegerProto(td ptrace.Traces) ([]encode.Record, error) {
	return jaegerRecords(td, (*jaegermodel.Span).Marshal)
}

// JaegerJSON is JaegerProto in protobuf's JSON.
func JaegerJSON(td ptrace.Traces) ([]encode.Record, error) {
	return jaegerRecords(td, func(span *jaegermodel.Span) ([]byte, error) {
		var out bytes.Buffer
		err := (&jsonpb.Marshaler{}).Marshal(&out, span)
		return out.Bytes(), err
	})
}

func jaegerRecords(td ptrace.Traces, marshal func(*jaegermodel.Span) ([]byte, error)) ([]encode.Record, error) {
	records := make([]encode.Record, 0, td.SpanCount())
	var errs []error
	for _, batch := range jaeger.ProtoFromTraces(td) {
		for _, span := range batch.Spans {
			// In a batch the process stands once; on its own, a span has to carry it.
			span.Process = batch.Process
			value, err := marshal(span)
			if err != nil {
				errs = append(errs, fmt.Errorf("encode span %s of trace %s for Jaeger: %w", span.SpanID, span.TraceID, err))
				continue
			}
			records = append(records, encode.Record{Key: []byte(span.TraceID.String()), Value: value, Items: 1})
		}
	}
	return records, errors.Join(errs...)
}
