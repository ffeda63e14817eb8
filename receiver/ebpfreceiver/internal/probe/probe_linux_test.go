// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/bpfobj"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/ring"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	eventually = 30 * time.Second // for an emulated processor, too
	tick       = 5 * time.Millisecond
)

// recorder keeps a copy of every event of one server port; of what streams say, only that they did.
type recorder struct {
	port   uint16
	events chan event.Event
}

func (r *recorder) Record(record []byte) {
	var e event.Event
	var s event.Stream
	if kind := event.KindOf(record); (kind == event.StreamData || kind == event.StreamEnd) && s.Decode(record) == nil {
		r.events <- event.Event{Kind: s.Kind, Cookie: s.Cookie, Client: s.Client, Flags: s.Flags}
	} else if e.Decode(append([]byte(nil), record...)) == nil {
		r.events <- e
	}
}

func (*recorder) Idle() {}

// capture attaches the programs for connections to port and returns what they write.
func capture(t testing.TB, port uint16, settings bpfobj.Settings) (*recorder, *bpfobj.Objects) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: run as root")
	}
	capabilities, err := EffectiveCapabilities()
	require.NoError(t, err)
	require.NoError(t, Check(capabilities))
	root, err := CgroupRoot()
	require.NoError(t, err)
	settings.Exchanges = true
	settings.RingBufferSize, settings.DetectMessages = 1<<20, 8
	settings.IncludePorts = []uint16{port}
	objects, err := bpfobj.Load(settings)
	require.NoErrorf(t, err, "%+v", err)
	t.Cleanup(func() { assert.NoError(t, objects.Close()) })
	probe, err := Attach(objects, []string{root}, func() error {
		_, err := Adopt(context.Background(), objects, 0)
		return err
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, probe.Close()) })
	reader, err := ring.NewReader(objects.Ring(), 5*time.Millisecond)
	require.NoError(t, err)
	r := &recorder{port: port, events: make(chan event.Event, 1000)}
	done := make(chan error, 1)
	go func() { done <- reader.Run(r) }()
	t.Cleanup(func() {
		assert.NoError(t, reader.Stop())
		assert.NoError(t, <-done)
		assert.NoError(t, reader.Close())
	})
	return r, objects
}

// next waits for the next event that want admits.
func (r *recorder) next(t *testing.T, want func(event.Event) bool) event.Event {
	t.Helper()
	deadline := time.After(eventually)
	for {
		select {
		case e := <-r.events:
			if want(e) {
				return e
			}
		case <-deadline:
			t.Fatal("no such event within 10 s")
		}
	}
}

func TestAnOlderMultipathListenerIsFoundByItsPort(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: run as root")
	}
	var config net.ListenConfig
	config.SetMultipathTCP(true)
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	needMultipath(t, listener)
	port := portOf(t, listener.Addr().String())
	adopted, err := Adopt(t.Context(), ignore{}, 0)
	require.NoError(t, err)
	owner, found := adopted.Listener(port)
	require.True(t, found)
	assert.EqualValues(t, os.Getpid(), owner.PID)
	_, found = adopted.Listener(port + 1)
	assert.False(t, found)

	adopted.addListener(port, event.Owner{PID: 1})
	_, found = adopted.Listener(port)
	assert.False(t, found, "two listeners on one port cannot be told apart")
}

// needMultipath skips where the listener had to fall back to TCP.
func needMultipath(t *testing.T, listener net.Listener) {
	t.Helper()
	raw, err := listener.(*net.TCPListener).SyscallConn()
	require.NoError(t, err)
	protocol, failed := 0, error(nil)
	require.NoError(t, raw.Control(func(fd uintptr) {
		protocol, failed = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PROTOCOL)
	}))
	require.NoError(t, failed)
	if protocol == unix.IPPROTO_TCP {
		t.Skip("needs Multipath TCP in the kernel: CONFIG_MPTCP, and sysctl net.mptcp.enabled")
	}
}

// ignore notes nothing.
// noted is whether the sockets of this process were accepted, by their local address.
type noted map[string][]bool

func (n noted) Own(fd int, owner event.Owner, _ bool) error {
	local, err := unix.Getsockname(fd)
	address, ok := local.(*unix.SockaddrInet4)
	if err == nil && ok && int(owner.PID) == os.Getpid() {
		key := netip.AddrPortFrom(netip.AddrFrom4(address.Addr), uint16(address.Port)).String()
		n[key] = append(n[key], owner.Accepted)
	}
	return err
}

func TestOlderConnectionsToAListenerWereAccepted(t *testing.T) {
	c := converse(t, listen(t, plain))
	owners := noted{}
	_, err := Adopt(t.Context(), owners, 0)
	require.NoError(t, err)
	assert.Equal(t, []bool{false}, owners[c.client.LocalAddr().String()])
	assert.Equal(t, []bool{false, true}, owners[c.server.LocalAddr().String()], "of the listener, and of the server's end")
}

type ignore struct{}

func (ignore) Own(int, event.Owner, bool) error { return nil }

func exchangeOf(client bool) func(event.Event) bool {
	return func(e event.Event) bool { return e.Kind == event.Exchange && e.Client == client }
}

func portOf(t testing.TB, address string) uint16 {
	t.Helper()
	ap, err := netip.ParseAddrPort(address)
	require.NoError(t, err)
	return ap.Port()
}

func TestBothEndsOfARequestAreSeenWithTheirOwners(t *testing.T) {
	for name, listen := range map[string]string{"IPv4": "127.0.0.1:0", "IPv6": "[::1]:0"} {
		t.Run(name, func(t *testing.T) {
			var config net.ListenConfig
			config.SetMultipathTCP(false)
			listener, err := config.Listen(t.Context(), "tcp", listen)
			require.NoError(t, err)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, "hello")
			}))
			server.Listener = listener
			server.Start()
			defer server.Close()
			r, _ := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{})

			response, err := server.Client().Get(server.URL + "/greeting")
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())

			for _, client := range []bool{false, true} {
				e := r.next(t, exchangeOf(client))
				assert.True(t, strings.HasPrefix(string(e.Request), "GET /greeting HTTP/1.1\r\n"), "%q", e.Request)
				assert.True(t, strings.HasPrefix(string(e.ResponseHead), "HTTP/1.1 200 OK\r\n"), "%q", e.ResponseHead)
				assert.Equal(t, uint32(os.Getpid()), e.Owner.PID)
				assert.Equal(t, uint32(1), e.Number)
				assert.Less(t, e.RequestTime, e.Time)
				assert.NotZero(t, e.Cookie)
				server := e.Local
				if client {
					server = e.Peer
				}
				assert.Equal(t, listener.Addr().String(), server.String())
			}
		})
	}
}
