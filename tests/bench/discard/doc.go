// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package discard is a Kafka-protocol broker that checks what producers send and keeps nothing.
//
// It exists to measure producers: it costs little, so that the producer is what limits a run, and it believes nothing,
// so that a producer cannot be fast by sending rubbish. Of every record batch it checks the framing, the magic byte, the
// CRC-32C, the record count against the last offset delta, and, if the batch has a producer id, that its sequence follows
// the one before it in the partition. It does not decompress.
//
// It answers ApiVersions, Metadata, InitProducerId and Produce. Every topic that is asked for exists. One goroutine
// serves each connection, in order, as Apache Kafka does; all of them share a table of partitions.
//
// A request on the wire, as far as it is read here (all integers big-endian; client id and tags by version):
//
//	size int32 | api key int16 | version int16 | correlation id int32 | client id | tags | body
//
// A record batch, as far as it is read here:
//
//	offset  0: base offset int64      | length int32 (of what follows) | leader epoch int32 | magic int8 = 2
//	offset 17: crc uint32 (of what follows) | attributes int16 | last offset delta int32
//	offset 27: base timestamp int64   | max timestamp int64
//	offset 43: producer id int64      | producer epoch int16 | base sequence int32 | record count int32
package discard
