// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"encoding/json"
	"fmt"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
)

// Raw makes one record of the body of each log record: bytes as they are, anything else as JSON. Log records without a
// body, or with empty bytes, give none.
func Raw(ld plog.Logs) ([]encode.Record, error) {
	records := make([]encode.Record, 0, ld.LogRecordCount())
	for _, resource := range ld.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				value, err := body(record.Body())
				if err != nil {
					return nil, err
				}
				if len(value) > 0 {
					records = append(records, encode.Record{Value: value, Items: 1})
				}
			}
		}
	}
	return records, nil
}

func body(v pcommon.Value) ([]byte, error) {
	switch v.Type() {
	case pcommon.ValueTypeEmpty:
		return nil, nil
	case pcommon.ValueTypeBytes:
		return v.Bytes().AsRaw(), nil
	}
	value, err := json.Marshal(v.AsRaw())
	if err != nil {
		return nil, fmt.Errorf("encode body of a log record: %w", err)
	}
	return value, nil
}
