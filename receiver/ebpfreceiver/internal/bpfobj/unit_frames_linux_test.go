// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/http2"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/protocoltest"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/tls"
)

// The kernel leaves out of streams what says nothing. These tests compare what user space finds in what is left with what
// it finds in all bytes.

// kept is the limit of what readers keep.
const kept = 1 << 12

// clientFrames is what a client of HTTP/2 may send: every kind of frame, as x/net writes them.
func clientFrames(t *testing.T) string {
	t.Helper()
	var out, block bytes.Buffer
	framer, encoder := xhttp2.NewFramer(&out, nil), hpack.NewEncoder(&block)
	out.WriteString(http2.Preface)
	require.NoError(t, framer.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingHeaderTableSize, Val: 4096}))
	require.NoError(t, framer.WriteWindowUpdate(0, 1<<20))
	for stream := uint32(1); stream < 9; stream += 2 {
		block.Reset()
		for _, field := range [][2]string{{":method", "POST"}, {":path", fmt.Sprintf("/shop.Cart/Add%d", stream)}, {"user-agent", "x"}} {
			require.NoError(t, encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}))
		}
		first := block.Len() / int(stream)
		require.NoError(t, framer.WriteHeaders(xhttp2.HeadersFrameParam{
			StreamID: stream, BlockFragment: block.Bytes()[:first], EndHeaders: stream == 1, PadLength: uint8(stream / 4),
		}))
		if stream > 1 {
			require.NoError(t, framer.WriteContinuation(stream, true, block.Bytes()[first:]))
		}
		require.NoError(t, framer.WriteData(stream, false, bytes.Repeat([]byte{'x'}, 300*int(stream))))
		require.NoError(t, framer.WriteDataPadded(stream, true, []byte("hello"), make([]byte, 7)))
		require.NoError(t, framer.WritePing(stream == 3, [8]byte{1}))
	}
	require.NoError(t, framer.WriteRawFrame(0xaa, 0, 7, []byte("grease")))
	require.NoError(t, framer.WriteRSTStream(5, xhttp2.ErrCodeCancel))
	require.NoError(t, framer.WriteData(7, true, nil))
	require.NoError(t, framer.WriteGoAway(3, xhttp2.ErrCodeNo, []byte("bye")))
	return out.String()
}

// framesOf are the frames that user space finds in input; err its error at the end.
func framesOf(input []byte, elided bool) (found []string, err error) {
	err = http2.NewReader(kept, elided).Feed(input, func(f *http2.Frame) {
		found = append(found, fmt.Sprintf("%d stream %d promised %d length %d code %d end %t block %x", f.Type, f.Stream, f.Promised,
			f.Length, f.Code, f.EndStream, f.Block))
	})
	return found, err
}

// messagesOf are the messages of TLS that it finds, and its error at the end.
func messagesOf(input []byte, elided bool) (found []string) {
	err := tls.NewReader(kept, elided).Feed(input, func(m *tls.Message) {
		found = append(found, fmt.Sprintf("%d %d %d %x", m.Kind, m.Type, m.Length, m.Body))
	})
	return append(found, fmt.Sprint(err))
}

// tell sends a client's stream in packets that end at those places, and returns the bytes that the records carry.
func tell(t *testing.T, r *rig, stream string, ends []int) []byte {
	t.Helper()
	c := newTalk(r)
	to := c.next[observeIngress]
	var all []byte
	at := 0
	for _, end := range limit(append(ends, len(stream)), 1400) {
		for _, record := range c.ask(t, stream[at:end]) {
			if event.KindOf(record) != event.StreamData {
				require.Equal(t, event.StreamOpen, event.KindOf(record))
				continue
			}
			var s event.Stream
			require.NoError(t, s.Decode(record))
			require.Zero(t, s.Flags&(event.Raw|event.Guessed|event.FromServer))
			require.Equal(t, to, s.From, "records tell of every byte once, in order")
			require.LessOrEqual(t, s.To-s.From, uint32(end), "and of none before it was there")
			to = s.To
			all = append(all, s.Captured[:len(s.Captured)-s.Tail]...)
		}
		at = end
	}
	return all
}

// limit adds ends so that no packet is longer than most.
func limit(ends []int, most int) []int {
	var all []int
	at := 0
	for _, end := range ends {
		for ; end-at > most; at += most {
			all = append(all, at+most)
		}
		all, at = append(all, end), end
	}
	return all
}

// places are where streams of that length are cut: everywhere once, and often.
func places(length, first int) [][]int {
	random := rand.New(rand.NewPCG(11, 12))
	var all [][]int
	for at := first; at < length; at += 7 {
		all = append(all, []int{at})
	}
	for _, most := range []int{1, 9, 64, 700} {
		var ends []int
		for at := first; at < length; at += 1 + random.IntN(most) {
			ends = append(ends, at)
		}
		all = append(all, ends)
	}
	return all
}

func TestFramesAreFoundWhereverPacketsEnd(t *testing.T) {
	r := talkRig(t)
	stream := clientFrames(t)
	want, err := framesOf([]byte(stream), false)
	require.NoError(t, err)
	require.Len(t, want, 4+4*2+1+1+1)
	for _, ends := range places(len(stream), 8) {
		got, err := framesOf(tell(t, r, stream, ends), true)
		require.NoError(t, err)
		require.Equal(t, want, got, "packets end at %v", ends)
	}
}

func TestHandshakesAreFoundWhereverPacketsEnd(t *testing.T) {
	r := talkRig(t)
	for _, stream := range recorded(t, "tls/testdata/client_*.tls") {
		want := messagesOf([]byte(stream), false)
		require.Greater(t, len(want), 2)
		for _, ends := range places(len(stream), 8) {
			require.Equal(t, want, messagesOf(tell(t, r, stream, ends), true), "packets end at %v", ends)
		}
	}
}

// TestStreamsWithFaultsAreFollowedAsFarAsUserSpaceDoes changes bytes of the streams. As long as user space understands all
// bytes, it finds the same in what the kernel tells.
func TestStreamsWithFaultsAreFollowedAsFarAsUserSpaceDoes(t *testing.T) {
	r := talkRig(t)
	faulty := 0
	for input := range protocoltest.Mutations([]string{clientFrames(t)[:1500]}) {
		if len(input) < 24 || string(input[:24]) != http2.Preface {
			continue
		}
		want, err := framesOf(input, false)
		got, _ := framesOf(tell(t, r, string(input), []int{100, 500}), true)
		if err != nil {
			faulty++
			got = got[:min(len(got), len(want))] // the kernel does not see every fault
		}
		require.Equal(t, want, got, "%q", input)
	}
	assert.Greater(t, faulty, 20)
	for input := range protocoltest.Mutations(recorded(t, "tls/testdata/client_*.tls")) {
		if len(input) < 8 || !tls.IsRecord(input) || input[0] != 22 || input[5] != 1 {
			continue
		}
		require.Equal(t, messagesOf(input, false), messagesOf(tell(t, r, string(input), []int{100}), true), "%q", input)
	}
}

// TestRepeatedPacketsOfStreamsAreToldOnce sends packets again, whole and with new bytes behind them.
func TestRepeatedPacketsOfStreamsAreToldOnce(t *testing.T) {
	r := talkRig(t)
	stream := clientFrames(t)
	want, err := framesOf([]byte(stream), false)
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(13, 14))
	for range 20 {
		c := newTalk(r)
		var all []byte
		collect := func(records [][]byte) {
			for _, record := range records {
				var s event.Stream
				if event.KindOf(record) == event.StreamData && assert.NoError(t, s.Decode(record)) {
					all = append(all, s.Captured[:len(s.Captured)-s.Tail]...)
				}
			}
		}
		collect(c.ask(t, stream[:50]))
		for sent := 50; sent < len(stream); {
			before := random.IntN(min(sent, 200))
			end := min(len(stream), sent-before+1+random.IntN(600))
			collect(c.again(t, observeIngress, before, stream[sent-before:end]))
			sent = max(sent, end)
		}
		got, err := framesOf(all, true)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// TestHeadersOfFramesAreBelievedAlike asks both of every kind, length and stream that the standard draws a line at.
func TestHeadersOfFramesAreBelievedAlike(t *testing.T) {
	r := newRig(t, whole())
	settings := make([]byte, http2.HeaderSize)
	settings[3] = byte(http2.Settings)
	alike := []http2.Type{http2.Data, http2.Headers, http2.Reset, http2.Ping, http2.WindowUpdate}
	for kind := range http2.Type(12) {
		for _, length := range []uint32{0, 1, 4, 5, 6, 8, 9, 1 << 14, 1<<14 + 1, 1 << 20, 1<<20 + 1, 1<<24 - 1} {
			for _, stream := range []uint32{0, 1, 2, 1 << 8, 1 << 16, 1 << 24, 1<<31 - 1, 1 << 31, 1<<31 + 1} {
				u := &unitUnit{}
				head := binary.BigEndian.AppendUint32(nil, length<<8|uint32(kind))
				head = binary.BigEndian.AppendUint32(append(head, 0), stream)
				copy(u.Numbers.Head[:], head)
				found := r.ask(t, r.unit.LookAtNumbers, u, segment{}.packet()).Numbers.Plausible != 0
				_, err := framesOf(append(bytes.Clone(settings), head...), false)
				if err == nil || slices.Contains(alike, kind) {
					require.Equal(t, err == nil, found, "% x", head)
				}
			}
		}
	}
}

// TestBeginningsAreToldAlike looks at what the first bytes of a packet are taken for.
func TestBeginningsAreToldAlike(t *testing.T) {
	r := newRig(t, whole())
	inputs := append(recorded(t, "tls/testdata/*.tls"), clientFrames(t), clientFrames(t)[len(http2.Preface):], "\x15\x03\x01\x00\x02\x02\x28",
		"\x00\x00\x02\x01\x05\x00\x00\x00\x01\x82\x86", "\x00\x00\x02\x01\x04\x00\x00\x00\x03\x88\x86", "\x00\x00\x08\x06\x01\x00\x00\x00\x0012345678",
		"\x00\x00\x04\x08\x00\x00\x00\x00\x001234", "\x00\x00\x00\x04\x01\x00\x00\x00\x00", "\x00\x00\x04\x03\x00\x00\x00\x00\x011234")
	all := [][]byte{}
	for _, input := range inputs {
		all = append(all, []byte(input)[:min(len(input), 3000)])
	}
	for input := range protocoltest.Mutations(slices.Clone(inputs[4:])) {
		all = append(all, bytes.Clone(input[:min(len(input), 3000)]))
	}
	seen := map[string]int{}
	for _, input := range all {
		if len(input) < 8 {
			input = append(input, "12345678"...)
		}
		p := &r.ask(t, r.unit.ReadPacket, &unitUnit{}, segment{payload: input}.packet()).Packet
		hello := tls.IsRecord(input) && input[0] == 22 && input[5] == 1
		if binary.BigEndian.Uint16(input[3:])>>8 != 0x48 { // where the kernel, which has one byte of the length here, allows 255 bytes more
			require.Equal(t, hello, p.ClientHello != 0, "%q", input)
		}
		_, alert := tls.PlainAlert(input)
		require.False(t, alert && p.Alert == 0, "%q", input)
		require.Equal(t, bytes.HasPrefix(input, []byte(http2.Preface)[:8]), p.Preface != 0, "%q", input)
		_, err := framesOf(input[:min(len(input), http2.HeaderSize)], false)
		require.False(t, err != nil && p.BeginsHttp2 != 0, "%q", input)
		require.Equal(t, blockOf(input), p.Block, "%q", input)
		for name, is := range map[string]bool{"hello": hello, "alert": alert, "begins": p.BeginsHttp2 != 0, "block": p.Block != 0} {
			if is {
				seen[name]++
			}
		}
	}
	assert.Len(t, seen, 4, "%v", seen)
}

// data is a DATA frame's header, its first bytes and, of a length, that many in all.
func data(stream, flags byte, length, there int) string {
	return string([]byte{byte(length >> 16), byte(length >> 8), byte(length), 0, flags, 0, 0, 0, stream}) + strings.Repeat("x", there)
}

func TestDataIsToldByWhatIsBehindIt(t *testing.T) {
	const ping = "\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678"
	r := newRig(t, whole())
	for payload, want := range map[string]bool{
		data(1, 0, 300, 300):                    true,
		data(1, 1, 300, 300):                    true,
		data(1, 0, 300, 300) + data(3, 0, 9, 0): true,
		data(1, 0, 300, 300) + ping:             true,
		data(1, 0, 300, 299):                    false, // nothing behind it tells
		data(1, 0, 300, 301):                    false,
		data(1, 0, 300, 309):                    false, // no frame is behind it
		data(2, 0, 300, 300):                    false, // of a stream that a server opened
		data(1, 8, 300, 300):                    false, // padded
		data(1, 0, 0, 0):                        false,
		strings.Repeat("\x00", 300):             false,
		ping:                                    false,
	} {
		p := &r.ask(t, r.unit.ReadPacket, &unitUnit{}, segment{payload: []byte(payload)}.packet()).Packet
		assert.Equal(t, want, p.BeginsData != 0, "% x and %d bytes in all", payload[:9], len(payload))
	}
}

// TestAPlaceThatWasLostIsFoundAgain leaves bytes out, and goes on with what may be anything, until a frame begins without doubt.
func TestAPlaceThatWasLostIsFoundAgain(t *testing.T) {
	r := talkRig(t)
	for _, found := range []string{data(1, 0, 700, 700) + data(3, 0, 100, 50), "\x00\x00\x04\x08\x00\x00\x00\x00\x001234"} {
		c := newTalk(r)
		flags := func(payload string) event.Flags {
			records := c.ask(t, payload)
			require.Len(t, records, 1, "%q", payload)
			var s event.Stream
			require.NoError(t, s.Decode(records[0]))
			return s.Flags & (event.Raw | event.Guessed)
		}
		require.NotEmpty(t, c.ask(t, clientFrames(t)[:1000])) // ends within a frame
		c.next[observeIngress] += 700
		require.Equal(t, event.Raw, flags("what is behind the gap"))
		require.Equal(t, event.Raw, flags("a packet in the middle of a frame"))
		require.Equal(t, event.Guessed, flags(found))
		if found[3] == 0 {
			require.Zero(t, flags(strings.Repeat("y", 50)+data(5, 1, 10, 10)), "it goes on within the frame")
		}
	}
}

// blockOf says what whole HEADERS frame of a client's stream, without padding, input begins with, by its first field.
func blockOf(input []byte) uint8 {
	if len(input) < http2.HeaderSize || http2.Type(input[3]) != http2.Headers || input[4]&0xda != 0 || input[4]&4 == 0 || input[5]&0x80 != 0 || input[8]&1 == 0 {
		return 0
	}
	block := uint8(0)
	_ = http2.NewReader(1<<14, false).Feed(input, func(f *http2.Frame) {
		if f.Type == http2.Headers && block == 0 && len(f.Block) > 0 && !f.Cut {
			switch first := f.Block[0]; {
			case 0x82 <= first && first <= 0x87:
				block = 1
			case 0x88 <= first && first <= 0x8e:
				block = 2
			default:
				block = 3
			}
		}
	})
	return block % 3
}
