// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package wire speaks the Kafka protocol on one TCP or TLS connection at a time. It is the only importer of kafka-go.
//
// There are two kinds of connection. A [Control] asks one question and waits for the answer: versions, metadata,
// producer ids; kafka-go's protocol package encodes and decodes those. A [Pipe] carries produce requests: the
// caller sends up to [Depth] of them without waiting, one goroutine writes, one reads, and the broker answers in the
// order of the requests, which is what the Kafka protocol promises for a connection.
//
//	produce request, versions 3 to 8 (numbers are big-endian; a string is a 16-bit length and its bytes):
//
//	size int32 | api key 0 int16 | version int16 | correlation id int32 | client id string
//	transactional id int16 -1 | acks int16 | timeout ms int32
//	topics int32 { name string | partitions int32 { index int32 | batch size int32 | batch } }
//
// Everything but the batches is built in one small buffer; header pieces and batches go out in one writev.
//
// Ownership: a pipe reads a request's batches from Send until it reports the request answered, or until it reports
// itself closed. Both reports are made only when no goroutine of the pipe can still read the batches, so they may be
// changed or recycled from then on.
package wire
