// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// read is packet_read in Go: what the TCP header of a packet says, if there is one.
type read struct {
	sequence, transport, payload, length uint32
	flags                                byte
	zeroWindow                           bool
}

func readPacket(packet []byte) (r read, ok bool) {
	data := packet[ethernet:]
	switch protocol := binary.BigEndian.Uint16(packet[12:]); {
	case protocol == 0x0800 && len(data) >= 20 && data[9] == 6:
		r.transport = uint32(data[0]&15) * 4
	case protocol == 0x86dd && len(data) >= 40 && data[6] == 6:
		r.transport = 40
	case protocol == 0x86dd && len(data) >= 48 && data[6] == 0 && data[40] == 6 && data[41] == 0:
		r.transport = 48 // a header hop by hop, as that of a packet above 64 KiB
	default:
		return r, false
	}
	if int(r.transport)+20 > len(data) {
		return r, false
	}
	tcp := data[r.transport:]
	r.sequence = binary.BigEndian.Uint32(tcp[4:])
	r.payload = r.transport + uint32(tcp[12]>>4)*4
	r.length = uint32(max(0, len(data)-int(r.payload)))
	if r.flags = tcp[13]; r.flags&syn != 0 {
		r.sequence++
	}
	r.zeroWindow = tcp[14] == 0 && tcp[15] == 0 && r.flags&(syn|rst) == 0
	return r, true
}

// compareHeaders asks the kernel what it reads in a packet. It returns false if the kernel does not make such a packet.
func compareHeaders(t *testing.T, rig *rig, packet []byte) bool {
	t.Helper()
	found := rig.ask(t, rig.unit.ReadPacket, &unitUnit{}, packet)
	if found == nil {
		return false
	}
	want, ok := readPacket(packet)
	p := &found.Packet
	require.Equal(t, ok, p.Tcp != 0, "% x", packet)
	if !ok {
		return true
	}
	got := read{p.Sequence, p.Transport, p.Payload, p.Length, p.Flags, p.ZeroWindow != 0}
	require.Equal(t, want, got, "% x", packet)
	return true
}

// shapes are segments with every length of options, over both versions of IP.
func shapes(payload string) []segment {
	var all []segment
	for length := 0; length <= 40; length += 4 {
		options := bytes.Repeat([]byte{1}, length)
		s := segment{sequence: 1<<32 - 5, flags: psh | ack, payload: []byte(payload)}
		s.options = options
		all = append(all, s)
		s.six = true
		all = append(all, s)
		s.six, s.ip = false, options
		all = append(all, s)
		s.options, s.flags, s.closed = nil, syn|ack, true
		all = append(all, s)
		s.flags = ack
		all = append(all, s)
	}
	return all
}

func TestHeadersAreReadWhateverTheirLength(t *testing.T) {
	rig := newRig(t, whole())
	for _, s := range shapes("GET / HTTP/1.1\r\n\r\n") {
		require.True(t, compareHeaders(t, rig, s.packet()))
		found := rig.result(t).Packet
		assert.Equal(t, string(s.payload), string(found.Data[:found.Captured]))
		assert.EqualValues(t, socketMethodMETHOD_GET, found.Method)
		assert.NotZero(t, found.EndsHead)
	}
}

// TestEveryHeaderByteIsReadOrRefused changes every byte of the headers to every value, IHL, data offset, protocol and
// version among them, and cuts the packet at every place.
func TestEveryHeaderByteIsReadOrRefused(t *testing.T) {
	rig := newRig(t, whole())
	for name, s := range map[string]segment{
		"IPv4":                      {payload: []byte("GET /")},
		"IPv4 with options of both": {ip: make([]byte, 8), options: make([]byte, 12), payload: []byte("GET /")},
		"IPv6":                      {six: true, payload: []byte("GET /")},
		"IPv6 hop by hop":           {six: true, hop: true, payload: []byte("GET /")},
	} {
		t.Run(name, func(t *testing.T) {
			packet := s.packet()
			made := 0
			for length := ethernet; length <= len(packet); length++ {
				if compareHeaders(t, rig, packet[:length]) {
					made++
				}
			}
			assert.GreaterOrEqual(t, made, 20, "the kernel makes packets that end within TCP's header")
			for i := range len(packet) - len(s.payload) {
				for change := 1; change < 256; change++ {
					changed := bytes.Clone(packet)
					changed[i] ^= byte(change)
					compareHeaders(t, rig, changed)
				}
			}
		})
	}
}

func TestUnreadableHeadersAreCounted(t *testing.T) {
	rig := newRig(t, whole())
	packet := segment{}.packet()
	before := rig.counter(t, "unreadable")
	verdict, ok := rig.run(t, rig.objects.ObserveIngress, packet[:len(packet)-1])
	require.True(t, ok)
	assert.EqualValues(t, 1, verdict)
	assert.Equal(t, before+1, rig.counter(t, "unreadable"))
}

// TestExtensionHeadersAreReadOrCounted gives IPv6 every next header, alone and behind one hop by hop.
func TestExtensionHeadersAreReadOrCounted(t *testing.T) {
	rig := newRig(t, whole())
	const hop, length = ethernet + 40, ethernet + 41
	for next := range 256 {
		for name, at := range map[string]int{"alone": ethernet + 6, "behind hop by hop": hop} {
			packet := segment{six: true, hop: at == hop, payload: []byte("GET /")}.packet()
			packet[at] = byte(next)
			before := rig.counter(t, "unreadable")
			verdict, ok := rig.run(t, rig.objects.ObserveIngress, packet)
			require.True(t, ok)
			assert.EqualValues(t, 1, verdict)
			extension := next == 0 || next == 43 || next == 44 || next == 51 || next == 60
			assert.Equal(t, extension, rig.counter(t, "unreadable") != before, "%d %s", next, name)
		}
	}
	packet := segment{six: true, hop: true}.packet()
	packet[length] = 1
	before := rig.counter(t, "unreadable")
	rig.run(t, rig.objects.ObserveIngress, packet)
	assert.Equal(t, before+1, rig.counter(t, "unreadable"), "a longer one")
}

// TestPayloadsOfEveryLengthAreCaptured looks at the copy, and at what the first and the last bytes are taken for.
func TestPayloadsOfEveryLengthAreCaptured(t *testing.T) {
	rig := newRig(t, whole())
	random := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, 600)
	for i := range text {
		text[i] = byte(random.Uint32())
	}
	for length := range len(text) {
		payload := text[:length]
		found := rig.ask(t, rig.unit.ReadPacket, &unitUnit{}, segment{payload: payload, options: make([]byte, 12)}.packet())
		require.NotNil(t, found)
		p := &found.Packet
		require.EqualValues(t, min(length, len(p.Data)), p.Captured)
		require.Equal(t, payload[:p.Captured], p.Data[:p.Captured])
		prefix := make([]byte, 8)
		switch {
		case length >= 8:
			copy(prefix, payload)
		case length >= 4:
			copy(prefix, payload[:4])
		}
		require.Equal(t, binary.LittleEndian.Uint64(prefix), p.Prefix, "%d bytes", length)
	}
}

func TestEndsAreFound(t *testing.T) {
	rig := newRig(t, whole())
	for _, payload := range []string{
		"", "\n", "\r\n\r\n", "0\r\n\r\n", "\r\n0\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n", "hello\r\n0\r\n\r\n", "5\r\nhello\r\n", "0\r\n\r",
		"hello 0\r\n\r\n0", "Age: 0\r\n\r\n", "\n0\r\n\r\n", "60\r\n\r\n", "100\r\n\r\n", strings.Repeat("x", 1400) + "\r\n\r\n", strings.Repeat("x", 1400) + "\r\n0\r\n\r\n",
	} {
		found := rig.ask(t, rig.unit.ReadPacket, &unitUnit{}, segment{payload: []byte(payload)}.packet())
		require.NotNil(t, found)
		assert.Equal(t, strings.HasSuffix(payload, "\r\n\r\n"), found.Packet.EndsHead != 0, "%q", payload)
		assert.Equal(t, endsChunked(payload), found.Packet.EndsChunked != 0, "%q", payload)
	}
}

// endsChunked says whether a packet may end with a chunked body: with the chunk of no bytes, which begins a line as far as the
// packet shows.
func endsChunked(payload string) bool {
	return strings.HasSuffix(payload, "0\r\n\r\n") && (len(payload) < 7 || strings.HasSuffix(payload, "\r\n0\r\n\r\n"))
}
