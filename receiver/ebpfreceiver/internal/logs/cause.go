// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"strconv"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/cause"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

// EventErrorCause is a call that failed within a request that was answered with 5xx.
const EventErrorCause = "risk.http.server.error.cause"

const (
	keyMethod = string(semconv.HTTPRequestMethodKey)
	keyStatus = string(semconv.HTTPResponseStatusCodeKey)

	// What is about the call and not about the request has keys of our own.
	keyCauseErrorType = "risk.cause.error.type"
	keyCauseAddress   = "risk.cause.network.peer.address"
	keyCausePort      = "risk.cause.network.peer.port"
	keyCauseMethod    = "risk.cause.http.request.method"
	keyCauseStatus    = "risk.cause.http.response.status_code"
	keyCauseTrace     = "risk.cause.trace_id"
	keyCauseSpan      = "risk.cause.span_id"
)

// Cause returns what fills a record with the failure f within x.
func Cause(x *protocol.Exchange, f cause.Failure) func(plog.LogRecord) {
	return func(r plog.LogRecord) {
		r.SetTimestamp(pcommon.Timestamp(x.End))
		r.SetObservedTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		r.SetEventName(EventErrorCause)
		r.SetSeverityNumber(plog.SeverityNumberError)
		r.SetSeverityText("ERROR")
		if x.Identity != nil {
			r.SetTraceID(x.Identity.Trace)
			r.SetSpanID(x.Identity.Span)
		}
		status := strconv.Itoa(int(x.HTTP.Status))
		method := protocol.HTTPMethod(x.HTTP.Method)
		r.Body().SetStr("request answered with " + status + ": a call to " + f.Peer.String() + " failed: " + f.ErrorType)
		a := r.Attributes()
		a.EnsureCapacity(11)
		if method != "" {
			a.PutStr(keyMethod, method)
		}
		a.PutInt(keyStatus, int64(x.HTTP.Status))
		a.PutStr(keyErrorType, status)
		a.PutStr(keyCauseErrorType, f.ErrorType)
		a.PutStr(keyCauseAddress, f.Peer.Addr().WithZone("").String())
		a.PutInt(keyCausePort, int64(f.Peer.Port()))
		if f.Method != "" {
			a.PutStr(keyCauseMethod, f.Method)
		}
		if f.Status != 0 {
			a.PutInt(keyCauseStatus, int64(f.Status))
		}
		if x.Scale > 0 {
			a.PutInt(protocol.KeyConnectionWeight, 1<<x.Scale)
		}
		if f.Span != (protocol.Identity{}) {
			a.PutStr(keyCauseTrace, pcommon.TraceID(f.Span.Trace).String())
			a.PutStr(keyCauseSpan, pcommon.SpanID(f.Span.Span).String())
		}
	}
}
