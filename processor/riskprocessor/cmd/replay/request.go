// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// request is what an exporter sent at once: spans or log records. Metrics have neither, and are passed over.
type request struct {
	traces ptrace.Traces
	logs   plog.Logs
	kind   kind
	time   time.Duration // latest end of a span, latest time of a log record, since 1970; 0 when there is none
}

type kind uint8

const (
	spans kind = iota
	logRecords
	neither
)

// parseJSON parses a line of the file exporter.
func parseJSON(line []byte) (*request, error) {
	switch {
	case bytes.Contains(line, []byte(`"resourceSpans"`)):
		td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(line)
		return &request{traces: td, kind: spans, time: endOf(td, err)}, err
	case bytes.Contains(line, []byte(`"resourceLogs"`)):
		ld, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(line)
		return &request{logs: ld, kind: logRecords, time: timeOf(ld, err)}, err
	case bytes.Contains(line, []byte(`"resourceMetrics"`)):
		return &request{kind: neither}, nil
	default:
		return nil, errors.New("has neither resourceSpans nor resourceLogs nor resourceMetrics: is it OTLP/JSON, a request a line?")
	}
}

// parseProto parses a message. It does not say which signal it is of, but the wire types of a span, a log record and a
// metric differ, so that at most one of them fits.
func parseProto(message []byte) (*request, error) {
	td, traceErr := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(message)
	if traceErr == nil && td.SpanCount() > 0 {
		return &request{traces: td, kind: spans, time: endOf(td, nil)}, nil
	}
	ld, logErr := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(message)
	if logErr == nil && ld.LogRecordCount() > 0 {
		return &request{logs: ld, kind: logRecords, time: timeOf(ld, nil)}, nil
	}
	if _, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(message); err == nil || traceErr == nil || logErr == nil {
		return &request{kind: neither}, nil
	}
	return nil, fmt.Errorf("is no OTLP request: as traces: %w; as logs: %w", traceErr, logErr)
}

func endOf(td ptrace.Traces, err error) time.Duration {
	latest := pcommon.Timestamp(0)
	if err != nil {
		return 0
	}
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				latest = max(latest, span.EndTimestamp(), span.StartTimestamp())
			}
		}
	}
	return time.Duration(latest)
}

func timeOf(ld plog.Logs, err error) time.Duration {
	latest := pcommon.Timestamp(0)
	if err != nil {
		return 0
	}
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, record := range sl.LogRecords().All() {
				t := record.Timestamp()
				if t == 0 {
					t = record.ObservedTimestamp()
				}
				latest = max(latest, t)
			}
		}
	}
	return time.Duration(latest)
}
