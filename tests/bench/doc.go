// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Program bench measures the three components in one run and ends with one line of JSON.
//
//	go run .                   everything, about three minutes
//	go run . -run exporter     one part: receiver, processor or exporter
//	go run . -short            everything once and briefly, to see that it works
//
// The parts:
//
//   - receiver: the benchmarks of receiver/ebpfreceiver, run by go test: decoding of kernel events and what follows
//   - processor: BenchmarkProcessor of processor/riskprocessor, also as nanoseconds a span
//   - exporter: our Kafka exporter beside the one of OpenTelemetry's contrib repository, with the same settings, the same
//     payloads and the same discarding broker, in turns
//
// For the exporters, every measurement is a process of its own, and the broker is another, so that the CPU time is the
// exporter's alone and no measurement inherits the heap of the one before. The two run in turns, and the first of a pair
// changes, because on a shared machine neighbouring measurements are alike while distant ones are not. Reported are
// medians, and ratios of medians. A difference that is not seen in every pair should not be believed.
//
// This is a module of its own because of what contrib's exporter brings along. It is not part of `make test` beyond the
// tests of its own code.
package main
