// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/translator/zipkin/zipkinv2"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
)

// ZipkinProto makes one record, a zipkin.proto3.ListOfSpans.
func ZipkinProto(td ptrace.Traces) ([]encode.Record, error) {
	return Whole(zipkinv2.NewProtobufTracesMarshaler().MarshalTraces, ptrace.Traces.SpanCount)(td)
}

// ZipkinJSON makes one record, an array of spans of Zipkin's version 2.
func ZipkinJSON(td ptrace.Traces) ([]encode.Record, error) {
	return Whole(zipkinv2.NewJSONTracesMarshaler().MarshalTraces, ptrace.Traces.SpanCount)(td)
}

// Whole returns a function that makes one record of all data with marshal, the method of an encoding extension for
// example.
func Whole[T any](marshal func(T) ([]byte, error), items func(T) int) func(T) ([]encode.Record, error) {
	return func(data T) ([]encode.Record, error) {
		value, err := marshal(data)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		return []encode.Record{{Value: value, Items: items(data)}}, nil
	}
}
