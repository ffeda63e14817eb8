// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Replay runs the risk processor over recorded OTLP, and says what its rules would keep, how risk is spread, which rules
// fire, and what another rules file would change. Time is the time of the records, so that an hour replays in seconds and
// every run gives the same.
//
//	go run ./cmd/replay -config collector.yaml traces.json logs.json
//	go run ./cmd/replay -config collector.yaml -rules mine.yaml -against new.yaml -json traces.json
//
// Files are those of the Collector's file exporter: JSON, a request a line, or with `format: proto`, each request behind its
// length in four bytes, most significant first. Several files are read side by side in the order of their times.
//
// It is the processor itself that scores, set to a dry run: what it would drop is counted instead. Traces that
// whole_traces would hold are decided batch by batch, and no state extension is asked.
package main
