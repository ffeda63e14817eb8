// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Program overhead measures what the ebpf receiver costs the host that it watches. It needs root, nginx, wrk and h2load, and a
// machine that does nothing else. It ends with one line of JSON.
//
//	go run . kernel     time in the kernel a request, beside that of tracepoints on system calls, in one run
//	go run . saturate   requests a second that nginx and wrk keep, with and without the receiver, in turns
//	go run . http2      the same with nginx and h2load over HTTP/2, http2streams with 16 streams on each of 8 connections
//	go run . steady     CPU time and latencies at a steady rate
//	go run . curve      spans lost and thinned against the rate
//	go run . memory     memory with many open connections and under churn
//	go run . compare    time in the kernel a request of this build's receiver and another's (-with), both at once
//
// Parts are joined by commas. The part kernel needs tracefs mounted, for the tracepoints.
//
// The receiver runs in a process of its own, with consumers that do nothing, so that its CPU time and memory are its alone.
// What is compared is measured in turns, since neighbouring runs on a shared machine are alike while distant ones are not;
// reported are medians.
package main
