// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bytes"
	"fmt"
	"io"
	"net/http/httputil"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// skip feeds input in pieces of a size, and returns how much is of the body.
func skip(input []byte, size int) (n int, end bool, err error) {
	var c Chunks
	for n < len(input) && !end && err == nil {
		var taken int
		taken, end, err = c.Skip(input[n:min(n+size, len(input))])
		n += taken
	}
	return n, end, err
}

func TestChunksEndWhereTheyEnd(t *testing.T) {
	const next = "GET / HTTP/1.1\r\n"
	for name, body := range map[string]string{
		"nothing":            "0\r\n\r\n",
		"two chunks":         "5\r\nhello\r\nA\r\n0\r\n\r\n56789\r\n0\r\n\r\n",
		"trailers":           "1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n",
		"extensions":         "1;a=b\r\nx\r\n000;c\r\n\r\n",
		"bare line feeds":    "1\nx\n0\n\n",
		"white space behind": "1 \r\nx\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			for size := 1; size <= len(body)+len(next); size++ {
				n, end, err := skip([]byte(body+next), size)
				require.NoError(t, err)
				assert.True(t, end)
				assert.Equal(t, len(body), n, "in pieces of %d", size)
			}
		})
	}
}

func TestChunksThatBreakTheRules(t *testing.T) {
	for _, body := range []string{"\r\n", "x\r\n", "-1\r\n", "1\r\nxy\r\n", "fffffffffffffffff\r\n", "1x\r\n"} {
		_, end, err := skip([]byte(body), len(body))
		assert.ErrorIs(t, err, ErrChunk, "%q", body)
		assert.False(t, end)
	}
}

func TestAHeadEndsWithItsEmptyLine(t *testing.T) {
	for _, head := range []string{"GET / HTTP/1.1\r\nA: b\r\n\r\n", "GET / HTTP/1.1\n\n", "a\r\n\n", "a\r\n\rb\r\n\r\n"} {
		for size := 1; size <= len(head)+5; size++ {
			var e Ending
			input := []byte(head + "\r\n\r\nx")
			n, end := 0, false
			for !end {
				var taken int
				taken, end = e.Find(input[n:min(n+size, len(input))])
				n += taken
			}
			assert.Equal(t, len(head), n, "%q in pieces of %d", head, size)
		}
	}
}

// FuzzChunks compares pieces with the whole.
func FuzzChunks(f *testing.F) {
	f.Add([]byte("5\r\nhello\r\n0\r\n\r\nrest"), 3)
	f.Add([]byte("1;a\r\nx\r\n0\r\nA: b\r\n\r\n"), 1)
	f.Add([]byte("ffffffffffffffff\r\n"), 2)
	f.Fuzz(func(t *testing.T, input []byte, size int) {
		n, end, err := skip(input, max(1, len(input)))
		if n > len(input) || end && err != nil {
			t.Fatalf("%d of %d bytes, end %t, error %v", n, len(input), end, err)
		}
		m, endOfPieces, errOfPieces := skip(input, 1+(size&0xff))
		if n != m || end != endOfPieces || (err == nil) != (errOfPieces == nil) {
			t.Fatalf("whole: %d %t %v, in pieces: %d %t %v", n, end, err, m, endOfPieces, errOfPieces)
		}
	})
}

func TestChunksOfTheStandardLibrary(t *testing.T) {
	var body bytes.Buffer
	w := httputil.NewChunkedWriter(&body)
	for i := range 20 {
		_, err := io.WriteString(w, strings.Repeat("0\r\n", i*i+1))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	_, err := fmt.Fprint(&body, "\r\n")
	require.NoError(t, err)
	n, end, err := skip(body.Bytes(), 100)
	require.NoError(t, err)
	assert.True(t, end)
	assert.Equal(t, body.Len(), n)
}

func BenchmarkChunks(b *testing.B) {
	body := []byte(strings.Repeat("400\r\n"+strings.Repeat("x", 1024)+"\r\n", 64) + "0\r\n\r\n")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var c Chunks
		if _, end, err := c.Skip(body); !end || err != nil {
			b.Fatal(end, err)
		}
	}
}
