// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/shape"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/translate"
)

const (
	encodingProto       = "otlp_proto"
	encodingJSON        = "otlp_json"
	encodingJaegerProto = "jaeger_proto"
	encodingJaegerJSON  = "jaeger_json"
	encodingZipkinProto = "zipkin_proto"
	encodingZipkinJSON  = "zipkin_json"
	encodingRaw         = "raw"
)

// tracesEncoding finds the encoding of that name. An extension of that id comes first, as in contrib's exporter.
func tracesEncoding(name string, host component.Host) (shape.Encoding[ptrace.Traces], error) {
	var encoding shape.Encoding[ptrace.Traces]
	switch name {
	case encodingProto, encodingJSON:
		encoding = otlp(name, encode.Encoder.Traces, encode.CutItems, encode.CutTracesJSON)
	case encodingJaegerProto:
		encoding.Plain, encoding.OwnKeys = translate.JaegerProto, true
	case encodingJaegerJSON:
		encoding.Plain, encoding.OwnKeys = translate.JaegerJSON, true
	case encodingZipkinProto:
		encoding.Plain, encoding.Cut = translate.ZipkinProto, encode.CutSpans
	case encodingZipkinJSON:
		encoding.Plain, encoding.Cut = translate.ZipkinJSON, encode.CutArray
	}
	return withExtension[ptrace.Traces, ptrace.Marshaler](name, host, ptrace.Marshaler.MarshalTraces, ptrace.Traces.SpanCount, encoding)
}

func metricsEncoding(name string, host component.Host) (shape.Encoding[pmetric.Metrics], error) {
	var encoding shape.Encoding[pmetric.Metrics]
	if name == encodingProto || name == encodingJSON {
		encoding = otlp(name, encode.Encoder.Metrics, encode.CutMetrics, encode.CutMetricsJSON)
	}
	return withExtension[pmetric.Metrics, pmetric.Marshaler](name, host, pmetric.Marshaler.MarshalMetrics, pmetric.Metrics.DataPointCount, encoding)
}

func logsEncoding(name string, host component.Host) (shape.Encoding[plog.Logs], error) {
	var encoding shape.Encoding[plog.Logs]
	switch name {
	case encodingProto, encodingJSON:
		encoding = otlp(name, encode.Encoder.Logs, encode.CutItems, encode.CutLogsJSON)
	case encodingRaw:
		encoding.Plain = translate.Raw
	}
	return withExtension[plog.Logs, plog.Marshaler](name, host, plog.Marshaler.MarshalLogs, plog.Logs.LogRecordCount, encoding)
}

func profilesEncoding(name string, host component.Host) (shape.Encoding[pprofile.Profiles], error) {
	var encoding shape.Encoding[pprofile.Profiles]
	switch name {
	case encodingProto:
		encoding.Plain = translate.Whole((&pprofile.ProtoMarshaler{}).MarshalProfiles, pprofile.Profiles.SampleCount)
	case encodingJSON:
		encoding.Plain = translate.Whole((&pprofile.JSONMarshaler{}).MarshalProfiles, pprofile.Profiles.SampleCount)
	}
	return withExtension[pprofile.Profiles, pprofile.Marshaler](name, host, pprofile.Marshaler.MarshalProfiles, pprofile.Profiles.SampleCount, encoding)
}

// otlp is an encoding that knows keys.
func otlp[T any](name string, records func(encode.Encoder, T) ([]encode.Record, error), cut, cutJSON shape.Cut) shape.Encoding[T] {
	if name == encodingJSON {
		cut = cutJSON
	}
	encoder := encode.Encoder{JSON: name == encodingJSON, Memory: new(encode.Memory)}
	return shape.Encoding[T]{
		Keyed: func(data T, keying encode.Keying) ([]encode.Record, error) {
			keyed := encoder
			keyed.Keying = keying
			return records(keyed, data)
		},
		Plain: func(data T) ([]encode.Record, error) { return records(encoder, data) },
		Cut:   cut,
	}
}

// withExtension returns the extension of that id as an encoding, or else the built-in one if there is one.
func withExtension[T, M any](name string, host component.Host, marshal func(M, T) ([]byte, error), items func(T) int, builtIn shape.Encoding[T]) (shape.Encoding[T], error) {
	var id component.ID
	if err := id.UnmarshalText([]byte(name)); err != nil {
		return shape.Encoding[T]{}, fmt.Errorf("find encoding %q: %w", name, err)
	}
	extension, there := host.GetExtensions()[id]
	if !there {
		if builtIn.Plain == nil {
			return builtIn, fmt.Errorf("find encoding %q: neither one of the signal's encodings nor an extension that is running", name)
		}
		return builtIn, nil
	}
	m, fits := extension.(M)
	if !fits {
		return shape.Encoding[T]{}, fmt.Errorf("find encoding %q: the extension does not encode this signal", name)
	}
	return shape.Encoding[T]{Plain: translate.Whole(func(data T) ([]byte, error) { return marshal(m, data) }, items)}, nil
}
