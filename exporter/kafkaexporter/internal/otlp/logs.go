// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import "go.opentelemetry.io/collector/pdata/plog"

// AppendResourceLogs appends a whole ResourceLogs message with its tag.
func AppendResourceLogs(b []byte, rl plog.ResourceLogs) []byte {
	scopes, items := rl.ScopeLogs(), 0
	for _, sl := range scopes.All() {
		items += sl.LogRecords().Len()
	}
	b, start := Begin(b, TagResource, WidthOf(items))
	b = AppendSchema(b, rl.SchemaUrl())
	for _, sl := range scopes.All() {
		b = appendScopeLogs(b, sl)
	}
	b = AppendResource(b, rl.Resource())
	return End(b, start, WidthOf(items))
}

func appendScopeLogs(b []byte, sl plog.ScopeLogs) []byte {
	records := sl.LogRecords()
	b, start := Begin(b, TagScope, WidthOf(records.Len()))
	b = AppendSchema(b, sl.SchemaUrl())
	for i := range records.Len() {
		b = AppendLogRecord(b, records.At(i))
	}
	b = AppendScope(b, sl.Scope())
	return End(b, start, WidthOf(records.Len()))
}

const tagBody = 5<<3 | 2

// AppendLogRecord appends a LogRecord message with its tag.
func AppendLogRecord(b []byte, r plog.LogRecord) []byte {
	b, start := Begin(b, TagItem, itemWidth)
	b = appendText(b, 0x62, r.EventName())
	b = appendSpanID(b, 0x52, r.SpanID())
	b = appendTraceID(b, 0x4a, r.TraceID())
	b = appendFixed32(b, 0x45, uint32(r.Flags()))
	b = appendUint(b, 0x38, uint64(r.DroppedAttributesCount()))
	b = appendAttributes(b, 0x32, r.Attributes(), 0)
	b = appendValue(b, tagBody, r.Body(), 0)
	b = appendText(b, 0x1a, r.SeverityText())
	b = appendUint(b, 0x10, uint64(r.SeverityNumber()))
	b = appendTime(b, 0x59, r.ObservedTimestamp())
	b = appendTime(b, 0x09, r.Timestamp())
	return End(b, start, itemWidth)
}
