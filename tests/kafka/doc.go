// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package kafka holds the tests of the Kafka exporter against a real Apache Kafka broker (tests/kafka/broker), read back
// by clients that this project did not write: kcat, which is librdkafka, and for the codec and the producer id of a
// record, which kcat does not print, franz-go.
//
//	payload --> exporter, by its factory --> Apache Kafka --> kcat --> Unmarshaler --> items --+
//	   |                                                                                       |
//	   +-- items of what was sent ------------------------------------------------> compared --+
//
// An item is one span, metric or log record together with its resource and scope, as OTLP bytes. How an exporter groups
// items into records is its own business; that every item arrives exactly once and unchanged is not, nor is the key, nor
// that equal keys share a partition.
package kafka
