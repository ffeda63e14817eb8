// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/bpfobj"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
)

// conversation is a TCP connection whose both ends the test holds, so that it decides which bytes share a packet: each
// write is one packet, because the other end reads it before the next.
type conversation struct {
	client, server net.Conn
}

// listen opens a TCP listener on loopback; control may set options on it.
func listen(t testing.TB, control func(fd int) error) net.Listener {
	t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		if err := raw.Control(func(fd uintptr) { failed = control(int(fd)) }); err != nil {
			return err
		}
		return failed
	}}
	config.SetMultipathTCP(false)
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

func plain(int) error { return nil }

// converse connects to a listener.
func converse(t testing.TB, listener net.Listener) *conversation {
	t.Helper()
	client, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	server, err := listener.Accept()
	require.NoError(t, err)
	c := &conversation{client: client, server: server}
	t.Cleanup(func() {
		_ = c.client.Close()
		_ = c.server.Close()
	})
	return c
}

// say sends text from one end and waits until the other has it.
func say(t testing.TB, from, to net.Conn, text string) {
	t.Helper()
	_, err := io.WriteString(from, text)
	require.NoError(t, err)
	_, err = io.ReadFull(to, make([]byte, len(text)))
	require.NoError(t, err)
}

func (c *conversation) ask(t testing.TB, text string) { t.Helper(); say(t, c.client, c.server, text) }

func (c *conversation) answer(t testing.TB, text string) {
	t.Helper()
	say(t, c.server, c.client, text)
}

const (
	request  = "GET /a HTTP/1.1\r\nHost: shop\r\n\r\n"
	response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
)

// counted waits until the kernel's counters satisfy want.
func counted(t *testing.T, objects *bpfobj.Objects, want func(bpfobj.Counters) bool) {
	t.Helper()
	assert.Eventually(t, func() bool {
		counters, err := objects.Counters()
		return err == nil && want(counters)
	}, eventually, tick)
}

func TestAHeadSplitOverPacketsIsWhole(t *testing.T) {
	listener := listen(t, plain)
	r, _ := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{})
	c := converse(t, listener)
	c.ask(t, "GET /split HTTP/1.1\r\nHo")
	c.ask(t, "st: shop\r\nX: y\r\n\r\n")
	c.answer(t, response)
	e := r.next(t, exchangeOf(false))
	assert.Equal(t, "GET /split HTTP/1.1\r\nHost: shop\r\nX: y\r\n\r\n", string(e.Request))
	assert.EqualValues(t, len(e.Request), e.RequestBytes)
}

func TestALongHeadIsCutAtItsCapacity(t *testing.T) {
	listener := listen(t, plain)
	r, _ := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{})
	c := converse(t, listener)
	long := "GET /" + strings.Repeat("x", 3000) + " HTTP/1.1\r\n\r\n"
	c.ask(t, long)
	c.answer(t, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("y", 3000)+"\r\nContent-Length: 0\r\n\r\n")
	e := r.next(t, exchangeOf(true))
	assert.Equal(t, long[:480], string(e.Request))
	assert.EqualValues(t, len(long), e.RequestBytes)
	assert.Len(t, e.ResponseHead, 256)
	assert.Greater(t, e.ResponseBytes, uint64(3000))
}

func TestMoreOfAResponseIsTold(t *testing.T) {
	listener := listen(t, plain)
	r, _ := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{})
	c := converse(t, listener)
	c.ask(t, request)
	c.answer(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
	c.answer(t, "2\r\nok\r\n")
	c.answer(t, "0\r\n\r\n")
	first := r.next(t, exchangeOf(false))
	progress := func(flags event.Flags) func(event.Event) bool {
		return func(e event.Event) bool {
			return e.Kind == event.Progress && e.Cookie == first.Cookie && e.Flags == flags
		}
	}
	assert.Equal(t, first.ResponseBytes+7, r.next(t, progress(0)).ResponseBytes)
	last := r.next(t, progress(event.ChunkEnd|event.EmptyLine))
	assert.Equal(t, first.ResponseBytes+12, last.ResponseBytes)
	assert.Greater(t, last.Time, first.Time)
}

func TestAnInterimResponseIsFollowedByTheFinalOne(t *testing.T) {
	listener := listen(t, plain)
	r, _ := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{})
	c := converse(t, listener)
	c.ask(t, "POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
	c.answer(t, "HTTP/1.1 100 Continue\r\n\r\n")
	c.ask(t, "body")
	c.answer(t, response)
	first := r.next(t, exchangeOf(false))
	final := r.next(t, func(e event.Event) bool { return e.Kind == event.Response && e.Cookie == first.Cookie })
	assert.Equal(t, response, string(final.ResponseHead))
	assert.Equal(t, first.Number, final.Number)
}

func TestTheNextRequestTellsTheLastByteBeforeIt(t *testing.T) {
	listener := listen(t, plain)
	r, _ := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{})
	c := converse(t, listener)
	for range 2 {
		c.ask(t, request)
		c.answer(t, response)
	}
	first := r.next(t, exchangeOf(false))
	second := r.next(t, exchangeOf(false))
	assert.Equal(t, first.Number+1, second.Number)
	assert.Equal(t, first.Time, second.PreviousTime)
	assert.Equal(t, first.ResponseBytes, second.PreviousBytes)
}

func TestARequestWithoutAResponseEndsWithItsConnection(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(*conversation)
		want event.Flags
	}{
		"the server closes": {func(c *conversation) { _ = c.server.Close() }, event.Fin},
		"the server resets": {func(c *conversation) { _ = c.server.(*net.TCPConn).SetLinger(0); _ = c.server.Close() }, event.Reset},
		"the client resets": {func(c *conversation) { _ = c.client.(*net.TCPConn).SetLinger(0); _ = c.client.Close() }, event.Reset},
	} {
		t.Run(name, func(t *testing.T) {
			listener := listen(t, plain)
			r, _ := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{})
			c := converse(t, listener)
			c.ask(t, request)
			test.end(c)
			seen := make(map[bool]int)
			for range 2 {
				e := r.next(t, func(e event.Event) bool { return e.Kind == event.Exchange })
				assert.Empty(t, e.ResponseHead)
				assert.Equal(t, test.want, e.Flags, "client %t", e.Client)
				seen[e.Client]++
			}
			assert.Equal(t, map[bool]int{false: 1, true: 1}, seen)
		})
	}
}

func TestAHalfClosedConnectionIsStillAnswered(t *testing.T) {
	listener := listen(t, plain)
	r, _ := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{})
	c := converse(t, listener)
	c.ask(t, request)
	require.NoError(t, c.client.(*net.TCPConn).CloseWrite())
	c.answer(t, response)
	e := r.next(t, exchangeOf(false))
	assert.Equal(t, response, string(e.ResponseHead))
	assert.Zero(t, e.Flags)
}

func TestARequestThatComesBeforeItsConnectionIsSeen(t *testing.T) {
	listener := listen(t, func(fd int) error {
		return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 5))
	})
	r, _ := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{})
	client, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = client.Close() }()
	_, err = io.WriteString(client, request)
	require.NoError(t, err)
	server, err := listener.Accept()
	require.NoError(t, err)
	c := &conversation{client: client, server: server}
	defer func() { _ = server.Close() }()
	_, err = io.ReadFull(server, make([]byte, len(request)))
	require.NoError(t, err)
	c.answer(t, response)
	e := r.next(t, exchangeOf(false))
	assert.Equal(t, request, string(e.Request))
	assert.Equal(t, response, string(e.ResponseHead))
	assert.EqualValues(t, 1, e.Number)
	assert.EqualValues(t, os.Getpid(), e.Owner.PID)
	c.ask(t, request)
	c.answer(t, response)
	assert.EqualValues(t, 2, r.next(t, exchangeOf(false)).Number)
}

func TestOwnersOfMultipathListenersAreKnown(t *testing.T) {
	port := freePort(t)
	r, _ := capture(t, port, bpfobj.Settings{})
	config := net.ListenConfig{}
	config.SetMultipathTCP(true)
	listener, err := config.Listen(t.Context(), "tcp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port).String())
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	needMultipath(t, listener)
	c := converse(t, listener)
	c.ask(t, request)
	c.answer(t, response)
	assert.EqualValues(t, os.Getpid(), r.next(t, exchangeOf(false)).Owner.PID)
}

func TestAPipelinedConnectionIsHandedOver(t *testing.T) {
	for name, packets := range map[string][]string{
		"a request behind another":          {request, request},
		"two requests in one packet":        {request + request},
		"one that is longer than its place": {"GET /a HTTP/1.1\r\nX: " + strings.Repeat("y", 2000) + "\r\n\r\n", request},
	} {
		t.Run(name, func(t *testing.T) {
			listener := listen(t, plain)
			r, objects := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{})
			c := converse(t, listener)
			for _, packet := range packets {
				c.ask(t, packet)
			}
			ends := map[bool]int{}
			for range 2 {
				e := r.next(t, func(e event.Event) bool { return e.Kind == event.StreamOpen })
				assert.Equal(t, event.Pipelined, e.Protocol)
				ends[e.Client]++
			}
			assert.Equal(t, map[bool]int{false: 1, true: 1}, ends)
			c.answer(t, response+response)
			counters, err := objects.Counters()
			require.NoError(t, err)
			assert.Zero(t, counters.Lost["pipelined"])
			assert.EqualValues(t, 2, counters.Requests, "user space counts the others")
		})
	}
}

func TestARequestAloneIsNotHandedOver(t *testing.T) {
	listener := listen(t, plain)
	r, _ := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{})
	c := converse(t, listener)
	c.ask(t, "POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody")
	c.answer(t, response)
	first := r.next(t, func(e event.Event) bool { return !e.Client })
	assert.Equal(t, event.Exchange, first.Kind)
}

func TestAResponseTellsOfARequestThatBeganWithinAPacket(t *testing.T) {
	listener := listen(t, plain)
	r, _ := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{})
	c := converse(t, listener)
	c.ask(t, "POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\n")
	c.answer(t, response)
	c.ask(t, "body"+request)
	c.answer(t, response)
	first := r.next(t, exchangeOf(false))
	second := r.next(t, func(e event.Event) bool { return !e.Client })
	assert.Equal(t, event.Response, second.Kind)
	assert.Equal(t, first.Number, second.Number)
}

func TestAnUnknownProtocolIsSwitchedOff(t *testing.T) {
	listener := listen(t, plain)
	_, objects := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{})
	c := converse(t, listener)
	for range 5 {
		c.ask(t, "PING\r\n")
		c.answer(t, "PONG\r\n")
	}
	counted(t, objects, func(c bpfobj.Counters) bool { return c.Off["unknown_protocol"] >= 2 })
	before, err := objects.Counters()
	require.NoError(t, err)
	c.ask(t, request)
	c.answer(t, response)
	after, err := objects.Counters()
	require.NoError(t, err)
	assert.Equal(t, before.Requests, after.Requests)
}

func TestFiltersAreAppliedToTheServersPortAndThePeer(t *testing.T) {
	for name, test := range map[string]struct {
		settings bpfobj.Settings
		reason   string
		seen     bool
	}{
		"the peer is included":           {bpfobj.Settings{IncludePeers: prefixes("127.0.0.0/8")}, "address", true},
		"the peer is not included":       {bpfobj.Settings{IncludePeers: prefixes("10.0.0.0/8", "2001:db8::/32")}, "address", false},
		"all of IPv4 is included":        {bpfobj.Settings{IncludePeers: prefixes("0.0.0.0/0")}, "address", true},
		"all of IPv6 is not IPv4":        {bpfobj.Settings{IncludePeers: prefixes("::/0")}, "address", false},
		"the peer is excluded":           {bpfobj.Settings{ExcludePeers: prefixes("127.0.0.0/8")}, "address", false},
		"an excluded part of it is away": {bpfobj.Settings{ExcludePeers: prefixes("127.1.0.0/16")}, "address", true},
	} {
		t.Run(name, func(t *testing.T) {
			listener := listen(t, plain)
			r, objects := capture(t, portOf(t, listener.Addr().String()), test.settings)
			c := converse(t, listener)
			c.ask(t, request)
			c.answer(t, response)
			if test.seen {
				r.next(t, exchangeOf(false))
				return
			}
			counted(t, objects, func(c bpfobj.Counters) bool { return c.Off[test.reason] == 2 })
		})
	}
}

// TestWhoAcceptsIsNotedIfItAsksForThePeer accepts as Node does, and then asks, as its programs may.
func TestWhoAcceptsIsNotedIfItAsksForThePeer(t *testing.T) {
	listener := listen(t, plain)
	r, _ := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{})
	client, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = client.Close() }()
	raw, err := listener.(*net.TCPListener).SyscallConn()
	require.NoError(t, err)
	var accepted uintptr
	var errno syscall.Errno
	require.NoError(t, raw.Control(func(fd uintptr) {
		accepted, _, errno = unix.Syscall6(unix.SYS_ACCEPT4, fd, 0, 0, unix.SOCK_CLOEXEC, 0, 0)
	}))
	require.Zero(t, errno)
	file := os.NewFile(accepted, "accepted")
	defer func() { _ = file.Close() }()
	exchange := func() event.Event {
		_, err := io.WriteString(client, request)
		require.NoError(t, err)
		_, err = io.ReadFull(file, make([]byte, len(request)))
		require.NoError(t, err)
		_, err = io.WriteString(file, response)
		require.NoError(t, err)
		_, err = io.ReadFull(client, make([]byte, len(response)))
		require.NoError(t, err)
		return r.next(t, exchangeOf(false))
	}
	first := exchange()
	assert.True(t, first.Owner.Inherited)
	assert.EqualValues(t, os.Getpid(), first.Owner.PID)
	_, err = unix.Getpeername(int(file.Fd()))
	require.NoError(t, err)
	second := exchange()
	assert.False(t, second.Owner.Inherited)
	assert.Greater(t, second.Owner.Created, first.Owner.Created)
}

func TestAProcessIsToldAtItsFirstSocket(t *testing.T) {
	r, _ := capture(t, 1, bpfobj.Settings{TellProcesses: true})
	command := exec.Command("/proc/self/exe", "-test.run=^TestMakeSockets$")
	command.Env = append(os.Environ(), "SOCKETS=2")
	require.NoError(t, command.Run())
	of := func(e event.Event) bool { return e.Owner.PID == uint32(command.Process.Pid) }
	e := r.next(t, of)
	assert.Equal(t, event.Process, e.Kind)
	assert.NotZero(t, e.Owner.Comm)
	assert.Equal(t, e.Time, e.Owner.Created)
	for len(r.events) > 0 {
		assert.False(t, of(<-r.events), "once is enough")
	}
}

// TestMakeSockets is what another process does in the test above.
func TestMakeSockets(t *testing.T) {
	if os.Getenv("SOCKETS") == "" {
		return
	}
	// One thread, hence one task name.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for range 2 {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		require.NoError(t, err)
		require.NoError(t, unix.Close(fd))
	}
}

// freePort returns a port that nobody listens on.
func freePort(t *testing.T) uint16 {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	return portOf(t, listener.Addr().String())
}

func prefixes(texts ...string) []netip.Prefix {
	var parsed []netip.Prefix
	for _, text := range texts {
		parsed = append(parsed, netip.MustParsePrefix(text))
	}
	return parsed
}
