// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/bpfobj"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
)

// alone moves the test's thread, for good, to a network namespace of its own, where segments that are forged on loopback are
// routed like others.
func alone(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: run as root")
	}
	runtime.LockOSThread() // and not unlocked: it ends with the test
	require.NoError(t, unix.Unshare(unix.CLONE_NEWNET))
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	require.NoError(t, err)
	defer func() { require.NoError(t, unix.Close(fd)) }()
	loopback, err := unix.NewIfreq("lo")
	require.NoError(t, err)
	loopback.SetUint16(unix.IFF_UP)
	require.NoError(t, unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, loopback))
	for setting, value := range map[string]string{"accept_local": "1", "route_localnet": "1", "rp_filter": "0"} {
		require.NoError(t, os.WriteFile("/proc/sys/net/ipv4/conf/all/"+setting, []byte(value), 0))
		require.NoError(t, os.WriteFile("/proc/sys/net/ipv4/conf/lo/"+setting, []byte(value), 0))
	}
}

// TestAnAnswerWhoseFirstSegmentComesLastIsSeen has the second segment of a connection's first answer overtake the first.
func TestAnAnswerWhoseFirstSegmentComesLastIsSeen(t *testing.T) {
	alone(t)
	listener := listen(t, plain)
	r, _ := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{})
	c := converse(t, listener)
	c.ask(t, request)
	head, body := "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", strings.Repeat("x", 1000)
	forge(t, c.server.LocalAddr(), c.server.RemoteAddr(), sentOn(t, c.server)+uint32(len(head)), sentOn(t, c.client), flagPSH|flagACK, body)
	_, err := io.WriteString(c.server, head)
	require.NoError(t, err)
	require.NoError(t, c.client.SetReadDeadline(time.Now().Add(eventually)))
	_, err = io.ReadFull(c.client, make([]byte, len(head)+len(body)))
	require.NoError(t, err)
	e := r.next(t, exchangeOf(true))
	assert.Equal(t, head, string(e.ResponseHead))
	assert.EqualValues(t, len(head)+len(body), e.ResponseBytes)
	assert.Zero(t, e.Flags)
}

// TestAResetThatTCPIgnoresEndsNothing forges a RST that is not in place.
func TestAResetThatTCPIgnoresEndsNothing(t *testing.T) {
	alone(t)
	listener := listen(t, plain)
	r, _ := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{HTTP2: true})
	c := converse(t, listener)
	reset := func() {
		forge(t, c.client.LocalAddr(), c.client.RemoteAddr(), sentOn(t, c.client)+1000, 0, flagRST, "")
		forge(t, c.server.LocalAddr(), c.server.RemoteAddr(), sentOn(t, c.server)-1, 0, flagRST, "")
	}
	c.ask(t, request)
	reset()
	c.answer(t, response)
	for range 2 {
		e := r.next(t, func(e event.Event) bool { return e.Kind == event.Exchange })
		assert.Equal(t, response, string(e.ResponseHead), "client %t", e.Client)
		assert.Zero(t, e.Flags)
	}
	c.ask(t, request)
	reset()
	require.NoError(t, c.client.(*net.TCPConn).SetLinger(0))
	require.NoError(t, c.client.Close())
	for range 2 {
		e := r.next(t, func(e event.Event) bool { return e.Kind == event.Exchange })
		assert.Equal(t, event.Reset, e.Flags, "client %t: this one is believed", e.Client)
	}

	c = converse(t, listener)
	c.ask(t, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
	reset()
	const headers = "\x00\x00\x03\x01\x05\x00\x00\x00\x01\x83\x86\x84"
	c.ask(t, headers)
	for _, client := range []bool{true, false} {
		r.next(t, func(e event.Event) bool {
			require.NotEqual(t, event.StreamEnd, e.Kind)
			return e.Kind == event.StreamData && e.Client == client
		})
	}
}

// TestWhatTCPDidNotAcceptWithASYNIsNoRequest forges a SYN with a request, which the listener throws away, from a port from which a
// connection then comes. What passes the filter on a listener is remembered by processor.
func TestWhatTCPDidNotAcceptWithASYNIsNoRequest(t *testing.T) {
	alone(t)
	var here unix.CPUSet
	require.NoError(t, unix.SchedGetaffinity(0, &here))
	first := unix.CPUSet{}
	for i := range 1024 {
		if here.IsSet(i) {
			first.Set(i)
			break
		}
	}
	require.NoError(t, unix.SchedSetaffinity(0, &first))
	listener := listen(t, plain)
	r, _ := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{})
	from := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(freePort(t))}
	forge(t, from, listener.Addr(), 1000, 0, flagSYN, "GET /forged HTTP/1.1\r\nHost: evil\r\n\r\n")
	client, err := net.DialTCP("tcp", from, listener.Addr().(*net.TCPAddr))
	require.NoError(t, err)
	defer func() { assert.NoError(t, client.Close()) }()
	server, err := listener.Accept()
	require.NoError(t, err)
	defer func() { assert.NoError(t, server.Close()) }()
	c := &conversation{client: client, server: server}
	c.ask(t, request)
	c.answer(t, response)
	e := r.next(t, exchangeOf(false))
	assert.Equal(t, request, string(e.Request))
	assert.EqualValues(t, 1, e.Number)
}
