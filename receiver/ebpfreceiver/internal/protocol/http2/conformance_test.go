// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http2

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/protocoltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	blockLimit = 512
	tableLimit = 4096
)

// listener is one direction of a connection: a Reader and its Decoder.
type listener struct {
	reader  *Reader
	decoder *Decoder
	fields  Fields
	found   []string
}

func newListener(elided bool) *listener {
	return &listener{reader: NewReader(blockLimit, elided), decoder: newDecoder(tableLimit)}
}

func (l *listener) Feed(input []byte) {
	if err := l.reader.Feed(input, l.frame); err != nil && (len(l.found) == 0 || l.found[len(l.found)-1] != err.Error()) {
		l.found = append(l.found, err.Error())
	}
}

func (l *listener) frame(f *Frame) {
	text := fmt.Sprintf("%d stream %d promised %d length %d code %d end %t cut %t", f.Type, f.Stream, f.Promised, f.Length,
		f.Code, f.EndStream, f.Cut)
	if f.Type == Headers || f.Type == PushPromise {
		err := l.decoder.Decode(f.Block, f.Cut, &l.fields)
		text += fmt.Sprintf(" %s %v", describe(&l.fields), err)
	}
	l.found = append(l.found, text)
}

func describe(f *Fields) string {
	text := fmt.Sprintf("%d %d %t", f.Status, f.Unknown, f.Head)
	for k := range values {
		if value := f.Get(k); value != nil {
			text += fmt.Sprintf(" %d: %q", k, value)
		}
	}
	for _, taken := range f.Taken {
		text += fmt.Sprintf(" %s: %q", asked[taken.Name], taken.Value)
	}
	return text
}

// asked are names of which one is known anyway.
var asked = []string{"te", "traceparent", "x"}

func newDecoder(limit int) *Decoder { return NewDecoder(limit, NewNames(asked, true)) }

func (l *listener) Log() []string { return l.found }

func (l *listener) Size() int { return l.reader.Size() + l.decoder.Size() }

// conversation writes frames as x/net does.
type conversation struct {
	bytes.Buffer
	framer  *http2.Framer
	encoder *hpack.Encoder
	block   bytes.Buffer
}

func newConversation() *conversation {
	c := &conversation{}
	c.framer = http2.NewFramer(&c.Buffer, nil)
	c.encoder = hpack.NewEncoder(&c.block)
	return c
}

// encode returns the header block of fields, given as names and values.
func (c *conversation) encode(tb testing.TB, fields ...string) []byte {
	tb.Helper()
	c.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		require.NoError(tb, c.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}))
	}
	return bytes.Clone(c.block.Bytes())
}

// headers writes a HEADERS frame.
func (c *conversation) headers(tb testing.TB, stream uint32, end bool, fields ...string) {
	tb.Helper()
	require.NoError(tb, c.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: c.encode(tb, fields...), EndHeaders: true, EndStream: end,
	}))
}

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

var request = []string{
	":method", "POST", ":scheme", "http", ":path", "/shop.Cart/Add", ":authority", "shop:8080",
	"content-type", "application/grpc", "user-agent", "grpc-go/1.83.0", "traceparent", parent,
}

// call writes a request with a body.
func (c *conversation) call(tb testing.TB, stream uint32) {
	tb.Helper()
	c.headers(tb, stream, false, request...)
	require.NoError(tb, c.framer.WriteData(stream, true, []byte("hello")))
}

// seeds returns streams of every kind of frame.
func seeds(tb testing.TB) []string {
	tb.Helper()
	c := newConversation()
	c.WriteString(Preface)
	require.NoError(tb, c.framer.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: 4096}))
	require.NoError(tb, c.framer.WriteWindowUpdate(0, 1<<20))
	c.call(tb, 1)
	c.call(tb, 3)
	client := c.String()

	s := newConversation()
	require.NoError(tb, s.framer.WriteSettingsAck())
	s.headers(tb, 1, false, ":status", "200", "content-type", "application/grpc")
	require.NoError(tb, s.framer.WriteDataPadded(1, false, []byte("world"), make([]byte, 7)))
	s.headers(tb, 1, true, "grpc-status", "0", "grpc-message", "")
	s.headers(tb, 3, true, ":status", "200", "content-type", "application/grpc", "grpc-status", "5")
	require.NoError(tb, s.framer.WriteRSTStream(5, http2.ErrCodeRefusedStream))
	require.NoError(tb, s.framer.WritePing(false, [8]byte{1}))
	require.NoError(tb, s.framer.WriteGoAway(3, http2.ErrCodeNo, []byte("bye")))
	server := s.String()

	p := newConversation()
	block := p.encode(tb, ":method", "GET", ":path", "/pushed", ":scheme", "http", ":authority", "shop")
	require.NoError(tb, p.framer.WritePushPromise(http2.PushPromiseParam{
		StreamID: 1, PromiseID: 2, BlockFragment: block[:4], PadLength: 3,
	}))
	require.NoError(tb, p.framer.WriteContinuation(1, false, block[4:5]))
	require.NoError(tb, p.framer.WriteContinuation(1, true, block[5:]))
	require.NoError(tb, p.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: 2, BlockFragment: p.encode(tb, ":status", "204"), EndHeaders: true, EndStream: true, PadLength: 5,
		Priority: http2.PriorityParam{StreamDep: 1, Weight: 3},
	}))
	require.NoError(tb, p.framer.WriteRawFrame(0xaa, 0, 7, []byte("grease")))
	return []string{client, server, p.String(), "GET / HTTP/1.1\r\n\r\n", "PRI * HTTP/1.1\r\n", "\x16\x03\x01\x02\x00\x01", ""}
}

func suite(tb testing.TB, elided bool) protocoltest.Stream {
	return protocoltest.Stream{
		New:   func() protocoltest.StreamParser { return newListener(elided) },
		Seeds: seeds(tb), MaxSize: 8*blockLimit + 2*tableLimit + maxEntries*entrySize,
	}
}

func TestStreamsConform(t *testing.T) {
	protocoltest.RunStream(t, suite(t, false))
	protocoltest.RunStream(t, suite(t, true))
}

func FuzzStream(f *testing.F) {
	s := suite(f, false)
	for _, seed := range s.Seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) { protocoltest.CheckStream(t, s, input) })
}

// FuzzDecode compares with x/net's decoder: what that accepts is decoded to the same fields.
func FuzzDecode(f *testing.F) {
	c := newConversation()
	f.Add(c.encode(f, request...), c.encode(f, request...))
	f.Add([]byte{0x82, 0x86}, []byte{0xff, 0xff})
	f.Fuzz(func(t *testing.T, first, second []byte) { compareDecoders(t, first, second) })
}

// compareDecoders decodes two blocks of one connection with both decoders.
func compareDecoders(t *testing.T, blocks ...[]byte) {
	t.Helper()
	var want, got Fields
	decoder := newDecoder(tableLimit)
	oracle := hpack.NewDecoder(tableLimit, func(h hpack.HeaderField) {
		from := len(want.text)
		want.text = append(want.text, h.Value...)
		want.take(decoder.names.find([]byte(h.Name)), from)
	})
	for _, block := range blocks {
		want.Reset()
		if _, err := oracle.Write(block); err != nil || oracle.Close() != nil {
			return
		}
		want.finish()
		require.NoError(t, decoder.Decode(block, false, &got))
		require.Equal(t, describe(&want), describe(&got))
	}
}

// FuzzHuffman compares with x/net's decoder.
func FuzzHuffman(f *testing.F) {
	f.Add(hpack.AppendHuffmanString(nil, parent))
	f.Add(hpack.AppendHuffmanString(nil, "\x00\xff\n\u20ac ~\x7f"))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, coded []byte) { compareHuffman(t, coded) })
}

func compareHuffman(t *testing.T, coded []byte) {
	t.Helper()
	want, err := hpack.HuffmanDecodeToString(coded)
	got, ok := huffmanCode.decode([]byte("before"), coded)
	require.Equal(t, err == nil, ok, "%x", coded)
	if ok {
		require.Equal(t, "before"+want, string(got), "%x", coded)
	}
}
