// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package encode

import (
	"encoding/json"
	"fmt"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// CutTracesJSON is CutItems for traces in otlp_json.
func CutTracesJSON(value []byte, most int) (fit, tooLarge []Piece, err error) {
	td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(value)
	if err != nil {
		return nil, nil, fmt.Errorf("cut otlp_json: %w", err)
	}
	proto, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	if err != nil {
		return nil, nil, fmt.Errorf("cut otlp_json: %w", err)
	}
	return cutJSON(proto, len(value), most, levelsOfItems, tracesToJSON)
}

// CutMetricsJSON is CutMetrics for otlp_json.
func CutMetricsJSON(value []byte, most int) (fit, tooLarge []Piece, err error) {
	md, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(value)
	if err != nil {
		return nil, nil, fmt.Errorf("cut otlp_json: %w", err)
	}
	proto, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
	if err != nil {
		return nil, nil, fmt.Errorf("cut otlp_json: %w", err)
	}
	return cutJSON(proto, len(value), most, levelsOfMetrics, metricsToJSON)
}

// CutLogsJSON is CutItems for logs in otlp_json.
func CutLogsJSON(value []byte, most int) (fit, tooLarge []Piece, err error) {
	ld, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(value)
	if err != nil {
		return nil, nil, fmt.Errorf("cut otlp_json: %w", err)
	}
	proto, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
	if err != nil {
		return nil, nil, fmt.Errorf("cut otlp_json: %w", err)
	}
	return cutJSON(proto, len(value), most, levelsOfItems, logsToJSON)
}

// cutJSON cuts data in protobuf so that its JSON, of size bytes now, comes in pieces of at most most bytes. How large a
// piece's JSON is, is known only when it is written: those that turn out too large are cut again, to less.
func cutJSON(proto []byte, size, most int, levels []level, toJSON func([]byte) ([]byte, error)) (fit, tooLarge []Piece, err error) {
	share := float64(most) / float64(size)
	pieces, single, err := cut(proto, levels, int(share*float64(len(proto))))
	if err != nil {
		return nil, nil, err
	}
	for _, piece := range append(pieces, single...) {
		text, err := toJSON(piece.Value)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case len(text) <= most:
			fit = append(fit, Piece{text, piece.Items})
		case piece.Items <= 1:
			tooLarge = append(tooLarge, Piece{text, piece.Items})
		default:
			// Less than the piece, so that this ends.
			smaller, alone, err := cutJSON(piece.Value, max(len(text), most*2), most, levels, toJSON)
			if err != nil {
				return nil, nil, err
			}
			fit, tooLarge = append(fit, smaller...), append(tooLarge, alone...)
		}
	}
	return fit, tooLarge, nil
}

// CutArray cuts a JSON array, zipkin_json for example, between its elements.
func CutArray(value []byte, most int) (fit, tooLarge []Piece, err error) {
	var elements []json.RawMessage
	if err := json.Unmarshal(value, &elements); err != nil {
		return nil, nil, fmt.Errorf("cut array: %w", err)
	}
	var piece Piece
	end := func() {
		if piece.Items > 0 {
			piece.Value = append(piece.Value, ']')
			fit = append(fit, piece)
		}
		piece = Piece{}
	}
	for _, element := range elements {
		const brackets = 2
		if len(element)+brackets > most {
			tooLarge = append(tooLarge, Piece{append(append([]byte{'['}, element...), ']'), 1})
			continue
		}
		if piece.Items > 0 && len(piece.Value)+len(element)+brackets > most {
			end()
		}
		separator := byte(',')
		if piece.Items == 0 {
			separator = '['
		}
		piece.Value = append(append(piece.Value, separator), element...)
		piece.Items++
	}
	end()
	return fit, tooLarge, nil
}
