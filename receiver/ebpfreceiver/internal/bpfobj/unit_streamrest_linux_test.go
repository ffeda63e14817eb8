// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	xhttp2 "golang.org/x/net/http2"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/http2"
)

// everySecond is the shift with which these tests make connections rest.
const everySecond = 1

// newChoir returns a connection that rests with everySecond, and one that rests only if all do.
func newChoir(t *testing.T, r *rig) (rests, last *talk) {
	t.Helper()
	t.Cleanup(func() { require.NoError(t, r.objects.RestStreams(0)) })
	at := func(port uint16, shift int) bool {
		require.NoError(t, r.objects.RestStreams(shift))
		return len((&talk{rig: r, next: newTalk(r).next, port: port}).ask(t, http2.Preface)) == 0
	}
	port := uint16(0)
	for ; !at(port, everySecond); port++ {
	}
	rests = &talk{rig: r, next: newTalk(r).next, port: port}
	for ; at(port, 10) || !at(port, 15); port++ {
	}
	last = &talk{rig: r, next: newTalk(r).next, port: port}
	require.NoError(t, r.objects.RestStreams(0))
	return rests, last
}

// askHTTP2 is a request without anything that a decoder must have seen before.
func askHTTP2(t *testing.T, stream uint32) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, xhttp2.NewFramer(&out, nil).WriteHeaders(xhttp2.HeadersFrameParam{
		StreamID: stream, BlockFragment: []byte{0x82, 0x86, 0x84}, EndHeaders: true, EndStream: true, // GET, http, /
	}))
	return out.String()
}

// streams decodes records of streams.
func streams(t *testing.T, records [][]byte) (all []event.Stream) {
	t.Helper()
	for _, record := range records {
		var s event.Stream
		s.Kind = event.KindOf(record)
		if s.Kind != event.StreamOpen {
			require.NoError(t, s.Decode(record))
		}
		all = append(all, s)
	}
	return all
}

// rested counts packets that were not looked at.
func (r *rig) rested(t *testing.T) uint64 {
	t.Helper()
	counters, err := r.objects.Counters()
	require.NoError(t, err)
	return counters.Rested
}

func TestAConnectionOfHTTP2RestsUntilItsNextRequest(t *testing.T) {
	r := talkRig(t)
	c, _ := newChoir(t, r)
	require.Len(t, streams(t, c.ask(t, http2.Preface+askHTTP2(t, 1))), 2, "who talks to whom, and frames")

	require.NoError(t, r.objects.RestStreams(everySecond))
	end := streams(t, c.ask(t, askHTTP2(t, 3)))
	require.Len(t, end, 1)
	assert.Equal(t, event.StreamEnd, end[0].Kind)
	assert.Equal(t, event.Rested, end[0].Flags&event.Rested)
	noted, before := c.socket, r.rested(t)
	for range 5 {
		assert.Empty(t, c.ask(t, askHTTP2(t, 5)))
		assert.Empty(t, c.answer(t, askHTTP2(t, 5)))
	}
	assert.Equal(t, noted.Socket.Stream, c.socket.Socket.Stream, "nothing is written to it")
	assert.Greater(t, r.rested(t), before)

	require.NoError(t, r.objects.RestStreams(0))
	assert.Empty(t, c.answer(t, askHTTP2(t, 5)), "the answer to a request that was not seen")
	assert.Empty(t, c.ask(t, "the rest of a body"))
	woken := streams(t, c.ask(t, askHTTP2(t, 7)))
	require.NotEmpty(t, woken)
	assert.Equal(t, event.StreamOpen, woken[0].Kind)
	last := woken[len(woken)-1]
	assert.Equal(t, event.Guessed, last.Flags&event.Guessed, "it is not known what was said before")
	assert.Equal(t, c.next[observeIngress], last.To)
	assert.Zero(t, last.Scale)
	assert.Equal(t, askHTTP2(t, 7), string(last.Captured))
	answer := streams(t, c.answer(t, askHTTP2(t, 7)))
	require.NotEmpty(t, answer)
	assert.Equal(t, askHTTP2(t, 7), string(answer[len(answer)-1].Captured))
}

func TestAConnectionOfHTTP2ThatIsNewMayRest(t *testing.T) {
	r := talkRig(t)
	c, _ := newChoir(t, r)
	require.NoError(t, r.objects.RestStreams(everySecond))
	assert.Empty(t, c.ask(t, http2.Preface+askHTTP2(t, 1)))
	assert.Empty(t, c.answer(t, askHTTP2(t, 1)))
	assert.Empty(t, c.send(t, observeIngress, "", rst), "nobody was told of it")
	assert.Equal(t, uint8(1), c.socket.stream().Rests)
}

func TestAConnectionOfHTTP2SaysWhatItStandsFor(t *testing.T) {
	r := talkRig(t)
	_, c := newChoir(t, r)
	require.NoError(t, r.objects.RestStreams(7))
	told := streams(t, c.ask(t, http2.Preface+askHTTP2(t, 1)))
	assert.EqualValues(t, 7, told[len(told)-1].Scale)
	require.NoError(t, r.objects.RestStreams(0))
	told = streams(t, c.ask(t, askHTTP2(t, 3)))
	assert.Zero(t, told[len(told)-1].Scale)
}

// TestARingThatFillsMakesConnectionsRest has a reader that reads nothing.
func TestARingThatFillsMakesConnectionsRest(t *testing.T) {
	r := talkRig(t)
	_, c := newChoir(t, r)
	c.ask(t, http2.Preface)
	var seen []int
	for stream := uint32(1); stream < 20000; stream += 2 {
		s := segment{sequence: c.next[observeIngress], port: c.port, payload: []byte(askHTTP2(t, stream)), flags: psh | ack, options: make([]byte, 12)}
		r.passes(t, observeIngress, &c.socket, [5]uint32{}, s.packet()) // which leaves the socket as it was
		resting, err := r.objects.RestingStreams()
		require.NoError(t, err)
		if len(seen) == 0 || seen[len(seen)-1] != resting {
			seen = append(seen, resting)
		}
	}
	assert.Equal(t, []int{0, 1, 2, 3, 4, 15}, seen)
}
