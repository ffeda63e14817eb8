// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/binary"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/bpfobj"
)

// Flags of TCP.
const (
	flagSYN = 2
	flagRST = 4
	flagPSH = 8
	flagACK = 16
)

// sendAgain puts a segment with the last bytes that a connection over IPv4 has sent on the wire again.
func sendAgain(t *testing.T, from net.Conn, text string) {
	t.Helper()
	forge(t, from.LocalAddr(), from.RemoteAddr(), sentOn(t, from)-uint32(len(text)), 0, flagPSH|flagACK, text)
}

// sentOn reads the sequence number behind the last byte that was written to a connection.
func sentOn(t *testing.T, conn net.Conn) (next uint32) {
	t.Helper()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) { next = sentBy(t, int(fd)) }))
	return next
}

// forge puts a segment on the wire that no socket has sent, over IPv4.
func forge(t *testing.T, from, to net.Addr, sequence, acknowledged uint32, flags byte, text string) {
	t.Helper()
	local, peer := from.(*net.TCPAddr), to.(*net.TCPAddr)
	segment := binary.BigEndian.AppendUint16(nil, uint16(local.Port))
	segment = binary.BigEndian.AppendUint16(segment, uint16(peer.Port))
	segment = binary.BigEndian.AppendUint32(segment, sequence)
	segment = binary.BigEndian.AppendUint32(segment, acknowledged)
	const offset, window = 5 << 4, 0xff
	segment = append(segment, offset, flags, window, window, 0, 0, 0, 0)
	segment = append(segment, text...)
	source, target := local.IP.To4(), peer.IP.To4()
	pseudo := append(append(append([]byte(nil), source...), target...), 0, unix.IPPROTO_TCP)
	pseudo = binary.BigEndian.AppendUint16(pseudo, uint16(len(segment)))
	binary.BigEndian.PutUint16(segment[16:], checksum(append(pseudo, segment...)))

	header := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, unix.IPPROTO_TCP, 0, 0}
	header = append(append(header, source...), target...)
	binary.BigEndian.PutUint16(header[2:], uint16(len(header)+len(segment)))
	binary.BigEndian.PutUint16(header[10:], checksum(header))

	// At the interface, where no socket of IP sees it leave.
	const ipv4 = unix.ETH_P_IP>>8 | unix.ETH_P_IP&0xff<<8
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM, 0)
	require.NoError(t, err)
	defer func() { require.NoError(t, unix.Close(fd)) }()
	loopback, err := net.InterfaceByName("lo")
	require.NoError(t, err)
	interfaceAddress := &unix.SockaddrLinklayer{Protocol: ipv4, Ifindex: loopback.Index, Halen: 6}
	require.NoError(t, unix.Sendto(fd, append(header, segment...), 0, interfaceAddress))
}

// sentBy reads the sequence number behind the last byte that was written to a socket.
func sentBy(t *testing.T, fd int) uint32 {
	t.Helper()
	const off, sendQueue = -1, 2 // TCP_REPAIR_OFF_NO_WP, TCP_SEND_QUEUE
	require.NoError(t, unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR, 1))
	require.NoError(t, unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR_QUEUE, sendQueue))
	next, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_QUEUE_SEQ)
	require.NoError(t, err)
	require.NoError(t, unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR, off))
	return uint32(next)
}

// checksum is that of the Internet (RFC 1071).
func checksum(b []byte) uint16 {
	sum := uint32(0)
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	if len(b)%2 == 1 {
		sum += uint32(b[len(b)-1]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

func TestWhatComesAgainOnASweptConnectionIsNoExchange(t *testing.T) {
	listener := listen(t, plain)
	r, objects := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{Idle: true})
	broom := newBroom(t, objects)
	c := converse(t, listener)
	c.ask(t, request)
	c.answer(t, response)
	r.next(t, exchangeOf(false))
	sendAgain(t, c.client, request)
	broom.sweep()
	require.Equal(t, 2, broom.sweep())
	for range 10 {
		sendAgain(t, c.client, request)
		sendAgain(t, c.server, response)
	}
	now, err := objects.Counters()
	require.NoError(t, err)
	require.EqualValues(t, 2, now.Requests)
	require.Zero(t, now.Degraded["response_unmatched"])
	c.ask(t, request)
	sendAgain(t, c.client, request)
	c.answer(t, response)
	require.Equal(t, request, string(r.next(t, exchangeOf(false)).Request))
	now, err = objects.Counters()
	require.NoError(t, err)
	require.EqualValues(t, 4, now.Requests)
}
