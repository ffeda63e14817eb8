// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package snapshot keeps a stream of bytes in a key-value store, so that it is there whole or not at all.
//
// A snapshot is cut into chunks. They are written first, the head last, in one Set: until then the snapshot before is
// the one that counts. Two sets of keys are used in turn, so a snapshot never overwrites the one that it replaces:
//
//	<name>/head          "RSNP"  version u16  set u16  id u64  seed u64  chunks u32  bytes u64  CRC-32C u32
//	<name>/<set>/<n>     id u64  data  CRC-32C u32
//
// Numbers are little endian. The id, which is random, ties chunks to their head; the CRC covers everything before it,
// and in a chunk also its number, which is not stored. All chunks are verified before the first byte is handed on.
//
// A snapshot has at most [ChunkBytes] in memory at a time. A name is saved and loaded by one goroutine at a time.
package snapshot
