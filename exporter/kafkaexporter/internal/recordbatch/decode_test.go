// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package recordbatch

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRecordsAreThoseOfTheBatch(t *testing.T) {
	want := []Record{
		{Key: []byte("key"), Value: make([]byte, 70_000), Headers: []Header{{Name: "a", Value: []byte("1")}, {Name: "a"}}},
		{Value: []byte{}},
		{Key: []byte{}, Value: []byte("value")},
		{},
	}
	for codec := None; codec <= Zstd; codec++ {
		c, err := NewCompressor(codec, 0)
		require.NoError(t, err)
		batch, _, _, err := Append(nil, nil, c, 0, want)
		require.NoError(t, err)
		got, err := Records(batch)
		require.NoError(t, err, "codec %d", codec)
		assert.Equal(t, want, got, "codec %d", codec)
	}
}

// FuzzRecords: bytes that are no batch are refused without a panic.
func FuzzRecords(f *testing.F) {
	c, err := NewCompressor(None, 0)
	require.NoError(f, err)
	batch, _, _, err := Append(nil, nil, c, 0, []Record{{Key: []byte("k"), Headers: []Header{{Name: "n"}}}, {}})
	require.NoError(f, err)
	f.Add(batch)
	f.Fuzz(func(t *testing.T, b []byte) {
		if records, err := Records(b); err != nil {
			require.Nil(t, records)
		}
	})
}
