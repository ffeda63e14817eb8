// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package harness holds what the end-to-end tests, the broker tests and the demo share: an in-memory broker, the
// collector as a child process, spans read back from Kafka, and the collector's own telemetry.
//
//	traffic --> collector (child process) --> Broker (this process) --> Reader --> []Span
//	                    |                                                             |
//	                    +-- Prometheus endpoint --> Scrape --> Metrics --> compared --+
//
// Nothing here knows testing.T, so that the demo can use it, too: every constructor returns an error, everything that
// was started is ended by a Close or Stop of its own, and no call blocks past its context. All values may be used by
// one goroutine at a time unless their documentation says otherwise.
//
// Everything listens on loopback only.
package harness
