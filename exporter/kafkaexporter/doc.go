// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool -modfile=../../tools/go.mod mdatagen metadata.yaml

// Package kafkaexporter writes traces, metrics and logs to Apache Kafka.
//
// Data flow, one package a step:
//
//	ConsumeTraces -> encode    pdata -> records (key, value), in the caller's goroutine
//	              -> queue     exporterhelper's sending_queue holds the records, in memory or in storage
//	              -> partition record -> partition, in a queue consumer
//	              -> recordbatch records of one partition -> one record batch, compressed
//	              -> producer  sequences, order, retries: a state machine fed by one goroutine
//	              -> wire      one connection a broker, up to five produce requests in flight
//
// The unit of work is a request: it carries its records and, from the first attempt on, the batches made of them. An
// attempt that runs into `timeout` leaves the batches that may have reached a broker with the producer; the next
// attempt of the same request finds them there instead of making new ones. That is what keeps a slow broker from
// turning into duplicates.
//
// Concurrency: the exporter is safe for concurrent use; Start never waits for a broker; Shutdown leaves no goroutine.
package kafkaexporter // import "github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter"
