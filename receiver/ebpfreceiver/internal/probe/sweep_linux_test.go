// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/bpfobj"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
)

// broom sweeps, and knows how much.
type broom struct {
	t       testing.TB
	objects *bpfobj.Objects
	sweeper *bpfobj.Sweeper
}

// newBroom skips where the kernel cannot sweep: what is tested there is that it says so.
func newBroom(t testing.TB, objects *bpfobj.Objects) *broom {
	t.Helper()
	sweeper, err := objects.NewSweeper()
	if errors.Is(err, bpfobj.ErrCannotSweep) {
		t.Skip(err.Error())
	}
	require.NoErrorf(t, err, "%+v", err)
	t.Cleanup(func() { assert.NoError(t, sweeper.Close()) })
	return &broom{t, objects, sweeper}
}

// sweep returns of how many sockets the state was taken away.
func (b *broom) sweep() int {
	b.t.Helper()
	before, err := b.objects.Counters()
	require.NoError(b.t, err)
	require.NoError(b.t, b.sweeper.Sweep())
	after, err := b.objects.Counters()
	require.NoError(b.t, err)
	return int(after.Swept - before.Swept)
}

func TestAnIdleConnectionIsSweptAndItsNextRequestSeen(t *testing.T) {
	listener := listen(t, plain)
	r, objects := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{Idle: true, Causes: true, Rests: true})
	broom := newBroom(t, objects)
	c := converse(t, listener)
	var last [2]uint32
	for range 3 {
		c.ask(t, request)
		c.answer(t, response)
		for side, client := range []bool{false, true} {
			e := r.next(t, exchangeOf(client))
			assert.Equal(t, request, string(e.Request))
			assert.Equal(t, response, string(e.ResponseHead))
			assert.EqualValues(t, len(request), e.RequestBytes)
			assert.EqualValues(t, len(response), e.ResponseBytes)
			assert.Zero(t, e.PreviousTime)
			assert.Greater(t, e.Number, last[side], "a number is not used again")
			last[side] = e.Number
		}
		assert.Zero(t, broom.sweep(), "was just in use")
		assert.Equal(t, 2, broom.sweep(), "both ends")
		assert.Zero(t, broom.sweep(), "have nothing left")
	}
	counters, err := objects.Counters()
	require.NoError(t, err)
	assert.EqualValues(t, 6, counters.Requests)
	assert.Zero(t, counters.Degraded["response_unmatched"])
}

func TestAConnectionInUseIsNotSwept(t *testing.T) {
	listener := listen(t, plain)
	_, objects := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{Idle: true})
	broom := newBroom(t, objects)
	c := converse(t, listener)
	for range 5 {
		c.ask(t, request)
		c.answer(t, response)
		assert.Zero(t, broom.sweep())
	}
}

func TestOnlyConnectionsWhoseLastExchangeIsOverAreSwept(t *testing.T) {
	const get, head = "GET / HTTP/1.1\r\n\r\n", "HEAD / HTTP/1.1\r\n\r\n"
	listener := listen(t, plain)
	_, objects := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{Idle: true})
	broom := newBroom(t, objects)
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, test := range map[string]struct {
		request string
		answers []string
		over    bool
	}{
		"a length":                       {get, []string{response}, true},
		"a length, in two":               {get, []string{response[:39], response[39:]}, true},
		"no content":                     {get, []string{"HTTP/1.1 204 No Content\r\n\r\n"}, true},
		"HEAD":                           {head, []string{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"}, true},
		"chunks":                         {get, []string{chunked, "2\r\nok\r\n", "0\r\n\r\n"}, true},
		"interim, then final":            {get, []string{"HTTP/1.1 100 Continue\r\n\r\n", response}, false}, // whose head is not kept
		"no answer yet":                  {get, nil, false},
		"half a request":                 {get[:10], nil, false},
		"half a head":                    {get, []string{response[:30]}, false},
		"half a body":                    {get, []string{response[:len(response)-1]}, false},
		"chunks without the last":        {get, []string{chunked, "2\r\nok\r\n"}, false},
		"trailers, or text like them":    {get, []string{chunked, "0\r\nX: y\r\n\r\n"}, false},
		"to the end of the connection":   {get, []string{"HTTP/1.1 200 OK\r\n\r\nok"}, false},
		"interim":                        {get, []string{"HTTP/1.1 100 Continue\r\n\r\n"}, false},
		"a head longer than is captured": {get, []string{"HTTP/1.1 200 OK\r\nX: " + string(make([]byte, 300)) + "\r\nContent-Length: 0\r\n\r\n"}, false},
		"an upgrade":                     {get, []string{"HTTP/1.1 101 Switching Protocols\r\n\r\n"}, false},
		"a tunnel":                       {"CONNECT a:1 HTTP/1.1\r\n\r\n", []string{"HTTP/1.1 200 OK\r\n\r\n"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := converse(t, listener)
			c.ask(t, test.request)
			for _, answer := range test.answers {
				c.answer(t, answer)
			}
			want := 0
			if test.over {
				want = 2
			}
			swept := 0
			for range 4 {
				swept += broom.sweep()
			}
			assert.Equal(t, want, swept)
		})
	}
}

func TestASlowExchangeIsSeenToItsEndAcrossSweeps(t *testing.T) {
	listener := listen(t, plain)
	r, objects := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{Idle: true})
	broom := newBroom(t, objects)
	c := converse(t, listener)
	sweep := func() {
		for range 3 {
			assert.Zero(t, broom.sweep())
		}
	}
	c.ask(t, request[:20])
	sweep()
	c.ask(t, request[20:])
	sweep()
	c.answer(t, response[:30])
	sweep()
	c.answer(t, response[30:])
	first := r.next(t, exchangeOf(false))
	assert.Equal(t, request, string(first.Request))
	last := r.next(t, func(e event.Event) bool { return e.Kind == event.Progress && e.Cookie == first.Cookie })
	assert.EqualValues(t, len(response), last.ResponseBytes)
}

func TestATunnelIsWhatItsClientSaysFirstAfterSweepsToo(t *testing.T) {
	listener := listen(t, plain)
	r, objects := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{Idle: true})
	broom := newBroom(t, objects)
	c := converse(t, listener)
	c.ask(t, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n")
	c.answer(t, "HTTP/1.1 200 OK\r\n\r\n")
	r.next(t, exchangeOf(true))
	broom.sweep()
	broom.sweep()
	c.ask(t, request)
	c.answer(t, response)
	assert.Equal(t, request, string(r.next(t, exchangeOf(true)).Request))
}

func TestASweptConnectionDoesNotTakeAnAnswerForItsNext(t *testing.T) {
	listener := listen(t, plain)
	r, objects := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{Idle: true})
	broom := newBroom(t, objects)
	c := converse(t, listener)
	c.ask(t, request)
	c.answer(t, response)
	broom.sweep()
	require.Equal(t, 2, broom.sweep())
	c.answer(t, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
	c.ask(t, request)
	c.answer(t, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
	found := 0
	for range 4 {
		if e := r.next(t, func(e event.Event) bool { return e.Kind == event.Exchange }); e.Number > 1 {
			assert.Contains(t, string(e.ResponseHead), "404")
			found++
		}
	}
	assert.Equal(t, 2, found)
	counters, err := objects.Counters()
	require.NoError(t, err)
	assert.EqualValues(t, 2, counters.Degraded["response_unmatched"])
}

// TestWhatWasNotToldOfAnExchangeIsToldWithTheSweep ends a response with a whole segment of which its sender does not say that
// it is the end of a write, since that said that more would come.
func TestWhatWasNotToldOfAnExchangeIsToldWithTheSweep(t *testing.T) {
	listener := listen(t, func(fd int) error { return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_MAXSEG, 1000) })
	r, objects := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{Idle: true})
	broom := newBroom(t, objects)
	c := converse(t, listener)
	raw, err := c.server.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	control := func(do func(fd int) error) {
		t.Helper()
		require.NoError(t, raw.Control(func(fd uintptr) { assert.NoError(t, do(int(fd))) }))
	}
	segment := 0
	control(func(fd int) (err error) {
		segment, err = unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_MAXSEG)
		return err
	})
	c.ask(t, request)
	c.answer(t, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", segment))
	every := func(event.Event) bool { return true }
	first := map[uint64]event.Event{}
	for range 2 {
		e := r.next(t, every)
		first[e.Cookie] = e
	}
	control(func(fd int) error { return unix.Sendto(fd, make([]byte, segment), unix.MSG_MORE, nil) })
	_, err = io.ReadFull(c.client, make([]byte, segment))
	require.NoError(t, err)
	require.Zero(t, broom.sweep())
	require.Empty(t, r.events, "the end was told already, which this test is not about")
	require.Equal(t, 2, broom.sweep())
	for range 2 {
		e := r.next(t, every)
		assert.Equal(t, event.Progress, e.Kind)
		assert.Equal(t, first[e.Cookie].ResponseBytes+uint64(segment), e.ResponseBytes)
		assert.Greater(t, e.Time, first[e.Cookie].Time)
		delete(first, e.Cookie)
	}
	assert.Empty(t, first, "both ends")
}

func TestASweptConnectionIsNotSwitchedOff(t *testing.T) {
	listener := listen(t, plain)
	r, objects := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{Idle: true})
	broom := newBroom(t, objects)
	c := converse(t, listener)
	c.ask(t, request)
	c.answer(t, response)
	r.next(t, exchangeOf(true))
	broom.sweep()
	require.Equal(t, 2, broom.sweep())
	for range 10 { // more than DetectMessages
		c.ask(t, "BREW / HTTP/1.1\r\n\r\n")
		c.answer(t, response)
	}
	c.ask(t, request)
	c.answer(t, response)
	assert.Equal(t, request, string(r.next(t, exchangeOf(true)).Request))
	counters, err := objects.Counters()
	require.NoError(t, err)
	assert.Zero(t, counters.Off["unknown_protocol"])
}

func TestDescriptorsOfOneSocketAreOneConnection(t *testing.T) {
	listener := listen(t, plain)
	_, objects := capture(t, portOf(t, listener.Addr().String()), bpfobj.Settings{Idle: true})
	broom := newBroom(t, objects)
	c := converse(t, listener)
	for range 3 {
		duplicate, err := c.client.(*net.TCPConn).File()
		require.NoError(t, err)
		defer func() { require.NoError(t, duplicate.Close()) }()
	}
	c.ask(t, request)
	c.answer(t, response)
	assert.Zero(t, broom.sweep())
	assert.Equal(t, 2, broom.sweep())
}

// BenchmarkSweep sweeps a process with 4,000 connections to itself that are idle, 8,000 sockets: ns a socket when all are
// noted, when all are looked at anew and swept, and when there is nothing left.
func BenchmarkSweep(b *testing.B) {
	const connections = 4000
	listener := listen(b, plain)
	r, objects := capture(b, portOf(b, listener.Addr().String()), bpfobj.Settings{Idle: true})
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			select {
			case <-r.events:
			case <-ended:
				return
			}
		}
	}()
	broom := newBroom(b, objects)
	var all []*conversation
	for range connections {
		all = append(all, converse(b, listener))
	}
	took := map[string]time.Duration{}
	for b.Loop() {
		for _, c := range all {
			c.ask(b, request)
			c.answer(b, response)
		}
		for _, phase := range []string{"noted", "swept", "gone"} {
			begun := time.Now()
			broom.sweep()
			took[phase] += time.Since(begun)
		}
	}
	for phase, total := range took {
		b.ReportMetric(float64(total.Nanoseconds())/float64(2*connections*b.N), "ns/"+phase)
	}
}
