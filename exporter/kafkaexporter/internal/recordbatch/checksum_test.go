// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package recordbatch

import (
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestChecksumsAreJoinedAsIfTheBytesWere(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, length := range []int{0, 1, 2, 7, 8, 255, 256, 4097, 1 << 20, 1<<20 + 3} {
		all := make([]byte, 40+length)
		for i := range all {
			all[i] = byte(random.Uint32())
		}
		head, tail := crc32.Checksum(all[:40], castagnoli()), crc32.Checksum(all[40:], castagnoli())
		require.Equal(t, crc32.Checksum(all, castagnoli()), join(head, tail, length), "length %d", length)
	}
}

func BenchmarkStamp(b *testing.B) {
	batch, _, _, err := Append(nil, nil, compressor(b, None, 0), 0, []Record{{Value: make([]byte, 700<<10)}})
	require.NoError(b, err)
	var sum Checksum
	b.SetBytes(int64(len(batch)))
	for b.Loop() {
		Stamp(batch, Producer{1, 0, 1}, &sum)
	}
}
