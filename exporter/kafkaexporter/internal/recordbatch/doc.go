// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package recordbatch encodes records as Kafka record batches of format version 2.
//
//	offset  bytes  field
//	     0      8  base offset, 0: the broker assigns it
//	     8      4  length of all that follows
//	    12      4  partition leader epoch, -1: the broker sets it
//	    16      1  magic, 2
//	    17      4  CRC-32C of all that follows
//	    21      2  attributes: bits 0-2 codec, bit 4 transactional
//	    23      4  last offset delta: number of records - 1
//	    27      8  base timestamp, milliseconds since 1970
//	    35      8  max timestamp
//	    43      8  producer id, -1 without idempotence
//	    51      2  producer epoch, -1 without idempotence
//	    53      4  base sequence, -1 without idempotence
//	    57      4  number of records
//	    61         records, compressed as one block when a codec is set
//
//	record: length | attributes (1 byte, 0) | timestamp delta | offset delta |
//	        key length (-1: none) | key | value length (-1: none) | value | number of headers |
//	        headers { name length | name | value length (-1: none) | value }
//
// Numbers in a record are zig-zag variable-length integers, all others are big-endian. Source: the section "Record
// Batch" of the Apache Kafka documentation's chapter on implementation.
//
// A batch is encoded once and stamped once: [Append] writes everything but the producer's fields and the checksum,
// [Stamp] fills those in when the batch gets its place in its partition. Sending a batch again sends the same bytes.
//
// Concurrency: the functions are pure, a [Compressor] and a [Pool] are safe for concurrent use. Ownership: Append
// borrows the records until it returns.
package recordbatch
