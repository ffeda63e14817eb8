// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
)

// A program of this type that returned anything but 1 would drop the packet of a program that knows nothing of us. These
// tests hold all of them to that, whatever the packet, the socket's storage and what the program before has left.

// samples are packets that mean something to the programs.
func samples() map[string][]byte {
	all := map[string][]byte{"no IP": make([]byte, 64)}
	for name, payload := range map[string]string{
		"nothing": "", "request": "GET /cart HTTP/1.1\r\nHost: shop\r\n\r\n", "response": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"last chunk": "\r\n0\r\n\r\n", "HTTP/2": prefaceHTTP2 + "\x00\x00\x00\x04\x00\x00\x00\x00\x00",
		"HEADERS": "\x00\x00\x02\x01\x05\x00\x00\x00\x01\x82\x86", "DATA": "\x00\x00\x05\x00\x01\x00\x00\x00\x01hello",
		"TLS": "\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03", "alert": "\x15\x03\x01\x00\x02\x02\x28",
	} {
		for _, flags := range []byte{psh | ack, fin | ack, rst} {
			all[fmt.Sprintf("%s %x IPv4", name, flags)] = segment{payload: []byte(payload), flags: flags}.packet()
			all[fmt.Sprintf("%s %x IPv6", name, flags)] = segment{payload: []byte(payload), flags: flags, six: true}.packet()
		}
	}
	return all
}

const prefaceHTTP2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// storages are what sockets have kept after some packets.
func storages(t *testing.T, r *rig) map[string]*unitUnit {
	t.Helper()
	all := map[string]*unitUnit{"none": {}}
	for name, said := range map[string][]string{
		"request": {"GET / HTTP/1.1\r\n\r\n"}, "half a request": {"GET / HTTP/1.1\r\n"},
		"response": {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
		"interim":  {"PUT / HTTP/1.1\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"},
		"HTTP/2":   {prefaceHTTP2 + "\x00\x00\x02\x01\x05\x00\x00\x00\x01\x82\x86"},
		"DATA":     {prefaceHTTP2 + "\x00\x00\x20\x00\x01\x00\x00\x00\x01hello", "\x00\x00\x01"},
		"TLS":      {"\x16\x03\x01\x00\x20\x01\x00\x00\x02\x03\x03"},
		"tunnel":   {"CONNECT a:443 HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"},
		"unknown":  {"SSH-2.0-x", "SSH-2.0-y"},
	} {
		socket := &unitUnit{}
		for i, payload := range said {
			r.goOn(t, i%2, socket, segment{payload: []byte(payload), flags: psh | ack}.packet())
		}
		all[name] = socket
	}
	random := rand.New(rand.NewPCG(5, 6))
	for i := range 4 {
		socket := &unitUnit{}
		for _, b := range [][]byte{socket.Socket.Connection[:], socket.Socket.Stream[:], bytesOf(&socket.Socket.Owner)} {
			scramble(random, b)
		}
		socket.Socket.HasConnection, socket.Socket.HasStream, socket.Socket.HasOwner = 1, 1, 1
		if i%2 == 0 {
			socket.Socket.HasConnection, socket.Socket.Owner.Off, socket.Socket.Owner.Direction = 0, 0, 2
			socket.stream().Ended, socket.stream().Opened = 0, 2
		}
		all[fmt.Sprintf("bytes %d", i)] = socket
	}
	return all
}

func scramble(random *rand.Rand, b []byte) {
	for i := range b {
		b[i] = byte(random.Uint32())
	}
}

// controls are what a program may find in the control block: what others put there, and what they do not.
func controls(random *rand.Rand) [][5]uint32 {
	all := [][5]uint32{{}, {2, 1, 0, fin, 1}, {4, 0, 0, rst, 0}, {8, 3, 0, 0, 1}, {54, 20, 0, 24, 0}, {40, 4000, 1, 24, 1}}
	for range 2 {
		all = append(all, [5]uint32{random.Uint32(), random.Uint32(), random.Uint32(), random.Uint32(), random.Uint32()})
	}
	return all
}

// TestEveryProgramLetsEveryPacketPass runs all programs with every storage on every sample.
func TestEveryProgramLetsEveryPacketPass(t *testing.T) {
	r := newRig(t, whole())
	random := rand.New(rand.NewPCG(3, 4))
	packets, storages := samples(), storages(t, r)
	for program := range underTest(r.objects) {
		for name, socket := range storages {
			for _, packet := range packets {
				left := controls(random)
				if program < endPacket {
					left = left[:1] // nothing comes before these
				}
				for _, control := range left {
					before := *socket
					r.passes(t, program, &before, control, packet)
				}
			}
			assert.Less(t, len(r.drain(t)), 1<<16, name)
		}
	}
}

// TestPrefixesPass cuts packets at every place, on every storage.
func TestPrefixesPass(t *testing.T) {
	r := newRig(t, whole())
	for name, socket := range storages(t, r) {
		for _, sample := range []string{"request 18 IPv4", "response 11 IPv6", "HTTP/2 18 IPv4", "TLS 18 IPv6"} {
			packet := samples()[sample]
			for length := len(packet); length >= ethernet; length-- {
				if _, ok := r.run(t, r.objects.ObserveIngress, packet[:length]); !ok {
					continue // the kernel makes no such packet
				}
				for program := range underTest(r.objects) {
					before := *socket
					r.passes(t, program, &before, [5]uint32{54, 40, 1, 24, 1}, packet[:length])
				}
			}
		}
		assert.Less(t, len(r.drain(t)), 1<<16, name)
	}
}

// TestMutationsPassAndTellNoLies changes every byte of some packets to every value, on a socket that is new: what it then
// tells can only be a request that its packet resets, and with what the packet has.
func TestMutationsPassAndTellNoLies(t *testing.T) {
	r := newRig(t, whole())
	for _, sample := range []string{"request 18 IPv4", "request 4 IPv6", "HTTP/2 18 IPv4", "TLS 18 IPv6"} {
		packet := samples()[sample]
		for i := range packet {
			for change := 1; change < 256; change++ {
				changed := bytes.Clone(packet)
				changed[i] ^= byte(change)
				r.tellsNoLies(t, changed)
			}
		}
	}
}

// TestRandomBytesPassAndTellNoLies does so with bytes of which nothing, or only the headers, make sense.
func TestRandomBytesPassAndTellNoLies(t *testing.T) {
	r := newRig(t, whole())
	random := rand.New(rand.NewPCG(7, 8))
	for i := range 10000 {
		payload := make([]byte, random.IntN(100<<(i%5)))
		scramble(random, payload)
		packet := segment{payload: payload, six: i%2 == 0, flags: byte(random.Uint32())}.packet()
		if i%3 == 0 {
			scramble(random, packet[ethernet:])
		}
		r.tellsNoLies(t, packet)
	}
}

// tellsNoLies sends a packet each way on a socket that is new and looks at the records.
func (r *rig) tellsNoLies(t *testing.T, packet []byte) {
	t.Helper()
	for _, program := range []int{observeIngress, observeEgress} {
		verdict, ok := r.run(t, underTest(r.objects)[program], packet)
		if !ok {
			return
		}
		if verdict != 1 {
			t.Fatalf("program %d returned %d, which drops the packet % x", program, verdict, packet)
		}
	}
	read, ok := readPacket(packet)
	var payload []byte
	if ok && read.length > 0 {
		payload = packet[ethernet+read.payload:]
	}
	for _, record := range r.drain(t) {
		r.isHonest(t, record, payload, packet)
	}
}

// isHonest checks a record of the first packet of a connection.
func (r *rig) isHonest(t *testing.T, record, payload, packet []byte) {
	t.Helper()
	switch kind := event.KindOf(record); kind {
	case event.Exchange:
		var e event.Event
		require.NoError(t, e.Decode(record))
		require.Equal(t, event.Reset, e.Flags&event.Reset, "% x", packet)
		require.Empty(t, e.ResponseHead, "% x", packet)
		require.Equal(t, payload[:min(len(payload), 480)], e.Request, "% x", packet)
	case event.StreamData:
		var s event.Stream
		require.NoError(t, s.Decode(record))
		require.LessOrEqual(t, len(s.Captured), len(payload), "% x", packet)
		if s.Flags&event.Raw != 0 {
			require.True(t, bytes.Contains(payload, s.Captured), "% x", packet)
		}
	case event.StreamOpen, event.StreamEnd:
		require.NotEmpty(t, payload, "% x", packet)
	default:
		t.Fatalf("record of kind %d after % x", kind, packet)
	}
}
