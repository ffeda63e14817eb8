// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Program score measures the scoring API of the built collector and ends with one line of JSON.
//
// First, thousands of keep-alive connections ask the collector and a plain net/http server that repeats what it is sent,
// in turns, with wrk: what is left of the requests per second, and how much longer the slowest wait. Then Redis is
// stopped while a few clients keep asking: how long answers take, and when they begin to say that they are degraded.
//
// The collector, the plain server, wrk and Redis are processes of their own, on ports of the loopback interface that were
// free, and end with this one. Needs wrk and redis-server, and OTELCOL_RISK_BIN or bin/otelcol-risk.
package main
