// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package partition chooses the partition of a record as other clients do, so that records of one key meet in one
// partition no matter which client wrote them.
package partition

import "encoding/binary"

// Java returns the partition of a key among count partitions (count > 0) as
// org.apache.kafka.clients.producer.internals.BuiltInPartitioner does: the low 31 bits of Murmur2, modulo count.
func Java(key []byte, count int32) int32 {
	return int32(Murmur2(key)&0x7fffffff) % count
}

// Murmur2 is Austin Appleby's 32-bit MurmurHash2 with the seed that Kafka uses.
func Murmur2(data []byte) uint32 {
	const (
		seed  = 0x9747b28c
		mul   = 0x5bd1e995
		shift = 24
	)
	h := seed ^ uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := binary.LittleEndian.Uint32(data) * mul
		k = (k ^ k>>shift) * mul
		h = h*mul ^ k
	}
	switch len(data) {
	case 3:
		h ^= uint32(data[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(data[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(data[0])) * mul
	}
	h = (h ^ h>>13) * mul
	return h ^ h>>15
}
