// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package load drives one Kafka exporter as hard as it lets itself be driven and measures what that costs.
//
// Our exporter and contrib's are created by their factories from the same settings, with the sending queue off, and are
// called from several goroutines with payloads that were made beforehand. So what is measured is conversion, routing,
// compression, batching and the producer, and nothing else. The process time of the whole program is counted: a run
// should have a process of its own, and the broker another one.
//
//	callers --> Consume(payload) --> exporter --> broker (another process)
//	   |                                             |
//	   +-- payloads delivered, CPU time              +-- records and batches received, which must agree
package load
