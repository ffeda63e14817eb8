// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package recordbatch

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzRoundTrip: whatever the records are, kafka-go's decoder reads what was written, with every codec, and the sizes
// that were announced are right.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("key"), []byte("value"), uint8(3), int64(1), uint8(0))
	f.Add([]byte{}, []byte{}, uint8(1), int64(-1), uint8(4))
	f.Fuzz(func(t *testing.T, key, value []byte, count uint8, id int64, codec uint8) {
		records := make([]Record, int(count)+1)
		for i := range records {
			records[i] = Record{Key: key[:len(key)*i/len(records)], Value: value[len(value)*i/len(records):]}
			if i%3 == 1 {
				records[i].Key = nil
			}
			if i%4 == 2 {
				records[i].Headers = []Header{{Name: string(key), Value: value}, {Name: "n"}}
			}
		}
		batch, _, plain, err := Append(nil, nil, compressor(t, codecs[int(codec)%len(codecs)], 0), id, records)
		require.NoError(t, err)
		Stamp(batch, Producer{ID: id, Epoch: int16(id), Sequence: int32(count)}, new(Checksum))
		got := decode(t, batch)
		require.Len(t, got, len(records))
		size := HeaderSize
		for i := range records {
			require.Equal(t, string(records[i].Key), string(got[i].Key))
			require.Equal(t, records[i].Key == nil, got[i].Key == nil)
			require.Equal(t, string(records[i].Value), string(got[i].Value))
			require.Len(t, got[i].Headers, len(records[i].Headers))
			for j, h := range records[i].Headers {
				require.Equal(t, h.Name, got[i].Headers[j].Name)
				require.Equal(t, string(h.Value), string(got[i].Headers[j].Value))
			}
			size += RecordSize(records[i], i)
		}
		require.Equal(t, size, plain)
		sameInPlace(t, compressor(t, codecs[int(codec)%len(codecs)], 0), records[0], int(count)*2, int(count))
	})
}
