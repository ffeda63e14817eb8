// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http2

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames returns what a Reader finds in input.
func frames(t *testing.T, r *Reader, input []byte) []Frame {
	t.Helper()
	var found []Frame
	require.NoError(t, r.Feed(input, func(f *Frame) {
		copied := *f
		copied.Block = bytes.Clone(f.Block)
		found = append(found, copied)
	}))
	return found
}

func TestEveryFrameOfInterestIsFound(t *testing.T) {
	server := frames(t, NewReader(blockLimit, false), []byte(seeds(t)[1]))
	var kinds []Type
	for _, f := range server {
		kinds = append(kinds, f.Type)
	}
	assert.Equal(t, []Type{Headers, Data, Headers, Headers, Reset, GoAway}, kinds)
	assert.Equal(t, len("world")+1+7, server[1].Length)
	assert.False(t, server[1].EndStream)
	assert.True(t, server[2].EndStream)
	assert.EqualValues(t, 5, server[4].Stream)
	assert.EqualValues(t, RefusedStream, server[4].Code)
	assert.EqualValues(t, 3, server[5].Stream)
}

func TestBlocksArePutTogetherWithoutPaddingAndPriority(t *testing.T) {
	found := frames(t, NewReader(blockLimit, false), []byte(seeds(t)[2]))
	require.Len(t, found, 2)
	assert.Equal(t, PushPromise, found[0].Type)
	assert.EqualValues(t, 1, found[0].Stream)
	assert.EqualValues(t, 2, found[0].Promised)
	d := newDecoder(tableLimit)
	var promised, answer Fields
	require.NoError(t, d.Decode(found[0].Block, false, &promised))
	assert.Equal(t, "/pushed", string(promised.Get(Path)))
	require.NoError(t, d.Decode(found[1].Block, false, &answer))
	assert.EqualValues(t, 204, answer.Status)
	assert.True(t, found[1].EndStream)
}

func TestDataMayBeLeftOut(t *testing.T) {
	c := newConversation()
	c.call(t, 1)
	with := c.String()
	without := strings.Replace(with, "hello", "", 1)
	assert.Equal(t, frames(t, NewReader(blockLimit, false), []byte(with)), frames(t, NewReader(blockLimit, true), []byte(without)))
}

func TestALongBlockIsCut(t *testing.T) {
	for name, write := range map[string]func(*conversation, []byte){
		"in one frame": func(c *conversation, block []byte) {
			require.NoError(t, c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true}))
		},
		"in continuations": func(c *conversation, block []byte) {
			require.NoError(t, c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:300]}))
			require.NoError(t, c.framer.WriteContinuation(1, true, block[300:]))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newConversation()
			write(c, c.encode(t, append(request, "x", strings.Repeat("\x01", 2*blockLimit))...))
			c.headers(t, 3, true, request...)
			found := frames(t, NewReader(blockLimit, false), c.Bytes())
			require.Len(t, found, 2)
			assert.True(t, found[0].Cut)
			d := newDecoder(tableLimit)
			var first, second Fields
			require.NoError(t, d.Decode(found[0].Block, true, &first))
			assert.Equal(t, "/shop.Cart/Add", string(first.Get(Path)), "what was seen is right")
			require.NoError(t, d.Decode(found[1].Block, false, &second))
			assert.Nil(t, second.Get(Path), "what refers to a cut block is not known")
			assert.NotZero(t, second.Unknown)
			assert.Equal(t, "POST", string(second.Get(Method)))
		})
	}
}

func TestAnObserverWhoComesInTheMiddleGuessesNothing(t *testing.T) {
	c := newConversation()
	c.encode(t, request...) // not seen
	d := newDecoder(tableLimit)
	var fields Fields
	require.NoError(t, d.Decode(c.encode(t, request...), false, &fields))
	assert.Equal(t, "POST", string(fields.Get(Method)))
	assert.Nil(t, fields.Get(Path))
	assert.Nil(t, fields.Get(ContentType))
	assert.Equal(t, 5, fields.Unknown)

	fields = Fields{}
	block := c.encode(t, ":path", "/shop.Cart/Remove", ":authority", "shop:8080")
	require.NoError(t, d.Decode(block, false, &fields))
	assert.Equal(t, "/shop.Cart/Remove", string(fields.Get(Path)))
	assert.Equal(t, 1, fields.Unknown)

	fields = Fields{}
	block = c.encode(t, ":path", "/shop.Cart/Remove")
	require.NoError(t, d.Decode(block, false, &fields))
	assert.Equal(t, "/shop.Cart/Remove", string(fields.Get(Path)), "what came since is known")
	assert.Zero(t, fields.Unknown)
}

func TestAWrongInputIsRefusedUntilRestart(t *testing.T) {
	r := NewReader(blockLimit, false)
	nothing := func(*Frame) { t.Error("found a frame") }
	assert.ErrorIs(t, r.Feed([]byte("GET / HTTP/1.1\r\n\r\n"), nothing), ErrFrame)
	assert.ErrorIs(t, r.Feed(nil, nothing), ErrFrame)
	r.Restart()
	c := newConversation()
	c.headers(t, 1, true, request...)
	assert.Len(t, frames(t, r, c.Bytes()), 1)
}

func TestAContinuationMustFollow(t *testing.T) {
	c := newConversation()
	require.NoError(t, c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82}}))
	require.NoError(t, c.framer.WritePing(false, [8]byte{}))
	assert.ErrorIs(t, NewReader(blockLimit, false).Feed(c.Bytes(), func(*Frame) {}), ErrFrame)
}

func TestMalformedBlocksMakeTheDecoderForget(t *testing.T) {
	for name, block := range map[string][]byte{
		"index 0": {0x80}, "an endless integer": {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, "a string without end": {0x40, 5, 'a'},
		"a wrong Huffman code": {0x40, 0x84, 0xff, 0xff, 0xff, 0xff, 0},
	} {
		c := newConversation()
		d := newDecoder(tableLimit)
		require.NoError(t, d.Decode(c.encode(t, request...), false, &Fields{}))
		assert.NotZero(t, d.table.size)
		assert.ErrorIs(t, d.Decode(block, false, &Fields{}), ErrBlock, name)
		assert.Zero(t, d.table.size, name)
	}
}

func TestTheTableIsBounded(t *testing.T) {
	c := newConversation()
	d := newDecoder(300)
	for range 3 * maxEntries {
		require.NoError(t, d.Decode(c.encode(t, "traceparent", parent, "server", "nginx", "x", strings.Repeat("y", 20)), false, &Fields{}))
		assert.LessOrEqual(t, d.table.size, 300)
		assert.LessOrEqual(t, cap(d.table.text), 1024)
	}
	var fields Fields
	require.NoError(t, d.Decode(c.encode(t, "x", strings.Repeat("z", 400)), false, &fields))
	assert.Len(t, fields.Taken, 1)
	require.NoError(t, d.Decode([]byte{byte(0x80 | (staticCount + 1))}, false, &fields))
	assert.Equal(t, 1, fields.Unknown, "too long to be remembered")
	block := append(c.encode(t, ":path", "/a"), c.encode(t, ":path", "/a")...)
	require.NoError(t, d.Decode(block, false, &fields))
	assert.Equal(t, "/a", string(fields.Get(Path)))
}

func TestValuesAreFoundWhileTheTableGoesAround(t *testing.T) {
	c := newConversation()
	d := newDecoder(tableLimit)
	var fields Fields
	for i := range 5 * maxEntries {
		path := strings.Repeat("/"+strconv.Itoa(i), 1+i%7)
		require.NoError(t, d.Decode(c.encode(t, ":path", path, "server", "nginx"), false, &fields))
		require.NoError(t, d.Decode(c.encode(t, "server", "nginx", ":path", path), false, &fields))
		require.Equal(t, path, string(fields.Get(Path)))
		require.Zero(t, fields.Unknown)
	}
}

// What indices stand for may be longer than what was sent, without a bound.
func TestWhatABlockStandsForIsBounded(t *testing.T) {
	c := newConversation()
	d := newDecoder(tableLimit)
	var fields Fields
	require.NoError(t, d.Decode(c.encode(t, "x", strings.Repeat("y", 1000)), false, &fields))
	require.NoError(t, d.Decode(bytes.Repeat([]byte{byte(0x80 | (staticCount + 1))}, 1000), false, &fields))
	assert.Len(t, fields.Taken, 2*tableLimit/1000)
	assert.Equal(t, 1000-len(fields.Taken), fields.Unknown)
	assert.Less(t, len(fields.text), 3*tableLimit)
}

func TestWithoutContextOnlyTheCallIsRead(t *testing.T) {
	c := newConversation()
	d := NewDecoder(tableLimit, NewNames(nil, false))
	var fields Fields
	for range 2 {
		require.NoError(t, d.Decode(c.encode(t, request...), false, &fields))
		assert.Equal(t, "POST", string(fields.Get(Method)))
		assert.Equal(t, "/shop.Cart/Add", string(fields.Get(Path)))
		assert.Equal(t, "application/grpc", string(fields.Get(ContentType)))
		for _, left := range []Known{Scheme, Authority, UserAgent, TraceParent} {
			assert.Nil(t, fields.Get(left))
		}
		assert.True(t, fields.Head)
		assert.Zero(t, fields.Unknown)
	}
}

func TestControlCharactersAreFoundWhereverTheyAre(t *testing.T) {
	for length := range 20 {
		for at := range length {
			for c := range 256 {
				value := bytes.Repeat([]byte("\xffa"), 10)[:length]
				value[at] = byte(c)
				assert.Equal(t, plainBytes(value), plain(value), "%q", value)
			}
		}
	}
}

func TestHuffmanAgreesWithTheOtherDecoder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		text := make([]byte, random.IntN(20))
		for i := range text {
			text[i] = byte(random.Uint32())
		}
		compareHuffman(t, text)
		compareHuffman(t, hpack.AppendHuffmanString(nil, string(text)))
	}
}

func TestOfTwoTraceparentsNeitherCounts(t *testing.T) {
	c := newConversation()
	var fields Fields
	require.NoError(t, newDecoder(tableLimit).Decode(c.encode(t, "traceparent", parent, "traceparent", parent, "traceparent", parent), false, &fields))
	assert.Nil(t, fields.Get(TraceParent))
}

func TestAgreesWithTheOtherDecoder(t *testing.T) {
	c := newConversation()
	blocks := make([][]byte, 0, 50)
	for range 50 {
		blocks = append(blocks, c.encode(t, append(request, "x", strings.Repeat("y", 300))...))
	}
	compareDecoders(t, blocks...)
}

// BenchmarkStream reads a request of grpc-go as it comes when the connection is warm, with its fields.
func BenchmarkStream(b *testing.B) {
	c := newConversation()
	c.headers(b, 1, false, request...)
	l := newListener(false)
	if err := l.reader.Feed(c.Bytes(), func(f *Frame) { _ = l.decoder.Decode(f.Block, false, &Fields{}) }); err != nil {
		b.Fatal(err)
	}
	c.Reset()
	c.headers(b, 3, false, request...)
	require.NoError(b, c.framer.WriteData(3, true, []byte("hello")))
	var fields Fields
	sink := func(f *Frame) {
		if f.Type == Headers {
			fields = Fields{}
			_ = l.decoder.Decode(f.Block, false, &fields)
		}
	}
	b.ReportAllocs()
	b.SetBytes(int64(c.Len()))
	for b.Loop() {
		if err := l.reader.Feed(c.Bytes(), sink); err != nil || len(fields.Get(Path)) == 0 {
			b.Fatal("not read")
		}
	}
}
