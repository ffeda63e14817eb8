// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package recordbatch

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inRoom returns memory with a value in the middle, full of rubbish elsewhere.
func inRoom(value []byte, front, back int) (room []byte, offset int) {
	room = bytes.Repeat([]byte{0xa5}, front+len(value)+back)
	copy(room[front:], value)
	return room, front
}

// sameInPlace requires InPlace to make what Append makes, and returns whether it could.
func sameInPlace(tb testing.TB, c *Compressor, r Record, front, back int) bool {
	tb.Helper()
	want, _, plain, err := Append([]byte("x"), nil, c, 77, []Record{r})
	require.NoError(tb, err)
	room, offset := inRoom(r.Value, front, back)
	before := bytes.Clone(room)
	if r.Value != nil {
		r.Value = room[offset : offset+len(r.Value)]
	}
	batch, size, ok, err := InPlace([]byte("x"), room, offset, c, 77, r)
	require.NoError(tb, err)
	if !ok {
		require.Equal(tb, before, room)
		return false
	}
	if c.Codec() == None {
		batch = append([]byte("x"), batch...)
	}
	require.Equal(tb, want, batch)
	require.Equal(tb, plain, size)
	return true
}

func TestInPlaceMakesWhatAppendMakes(t *testing.T) {
	records := []Record{
		{Value: []byte{}},
		{Value: []byte("v")},
		{Key: []byte("k"), Value: bytes.Repeat([]byte("long"), 40_000)},
		{Value: []byte("v"), Headers: []Header{{"a", []byte("b")}, {"c", nil}}},
	}
	for _, codec := range codecs {
		for _, r := range records {
			assert.True(t, sameInPlace(t, compressor(t, codec, 0), r, 512, 512), "codec %d", codec)
		}
	}
}

func TestInPlaceNeedsAllOfItsRoom(t *testing.T) {
	r := Record{Key: []byte("key"), Value: []byte("value"), Headers: []Header{{"name", []byte("value")}}}
	front, back := HeaderSize+9, 1+1+4+1+5 // length, three zeros, key; number of headers, name, value
	c := compressor(t, None, 0)
	assert.True(t, sameInPlace(t, c, r, front, back))
	assert.False(t, sameInPlace(t, c, r, front-1, back))
	assert.False(t, sameInPlace(t, c, r, front, back-1))
	assert.False(t, sameInPlace(t, c, Record{Key: []byte("tombstone")}, 512, 512))
}
