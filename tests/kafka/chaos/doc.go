// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Command chaos restarts and kills the brokers of a real Kafka cluster while an exporter writes to it, and then counts
// every span in the topic, once with kcat and once with Kafka's own console consumer.
//
//	spans 0, 1, 2, ... --> exporter --> three brokers, three replicas, two must confirm --> kcat, console consumer
//	                                        ^
//	                  SIGTERM and SIGKILL --+   each followed by a start, and a wait until all replicas are in sync
//
// Spans are numbered from zero, so that one array of counters tells which are missing and which are there twice. Every
// fifth kill ends two brokers at the same moment, so that the controllers have no majority either. Progress goes to standard
// error; the last and only line on standard output is a JSON object (type outcome). The exit code says whether every span
// was found exactly once by both readers.
package main
