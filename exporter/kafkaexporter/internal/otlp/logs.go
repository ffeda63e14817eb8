// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import "go.opentelemetry.io/collector/pdata/plog"

// ResourceLogs writes a whole ResourceLogs message with its tag.
func (w *Writer) ResourceLogs(rl plog.ResourceLogs) {
	end := w.Mark()
	w.Resource(rl.Resource())
	scopes := rl.ScopeLogs()
	for i := scopes.Len() - 1; i >= 0; i-- {
		w.scopeLogs(scopes.At(i))
	}
	w.Schema(rl.SchemaUrl())
	w.Prefix(TagResource, end)
}

func (w *Writer) scopeLogs(sl plog.ScopeLogs) {
	end := w.Mark()
	w.Scope(sl.Scope())
	records := sl.LogRecords()
	for i := records.Len() - 1; i >= 0; i-- {
		w.LogRecord(records.At(i))
	}
	w.Schema(sl.SchemaUrl())
	w.Prefix(TagScope, end)
}

// LogRecord writes a LogRecord message with its tag.
func (w *Writer) LogRecord(r plog.LogRecord) {
	end := w.Mark()
	w.time(0x09, r.Timestamp())
	w.time(0x59, r.ObservedTimestamp())
	w.uint(0x10, uint64(r.SeverityNumber()))
	w.text(0x1a, r.SeverityText())
	w.value(0x2a, r.Body())
	w.attributes(0x32, r.Attributes())
	w.uint(0x38, uint64(r.DroppedAttributesCount()))
	w.fixed32(0x45, uint32(r.Flags()))
	w.traceID(0x4a, r.TraceID())
	w.spanID(0x52, r.SpanID())
	w.text(0x62, r.EventName())
	w.Prefix(TagItem, end)
}
