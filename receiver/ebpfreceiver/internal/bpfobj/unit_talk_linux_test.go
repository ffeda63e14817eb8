// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
)

// talk is a connection whose server is this end. Both directions begin shortly before sequence numbers begin anew.
type talk struct {
	rig    *rig
	socket unitUnit
	next   [2]uint32 // by program: sequence number of the next byte
	port   uint16    // which connection it is, for those that rest
}

// talkRig is a rig whose programs see packets.
func talkRig(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, whole())
	r.seesPackets(t)
	return r
}

func newTalk(r *rig) *talk { return &talk{rig: r, next: [2]uint32{1<<32 - 20, 1<<32 - 30}} }

// send passes a packet with the next bytes of a direction and returns the records.
func (c *talk) send(t *testing.T, program int, payload string, flags byte) [][]byte {
	t.Helper()
	s := segment{sequence: c.next[program], port: c.port, payload: []byte(payload), flags: flags, options: make([]byte, 12)}
	c.next[program] += uint32(len(payload))
	return c.rig.goOn(t, program, &c.socket, s.packet())
}

// again passes bytes that begin so many before the next one of their direction.
func (c *talk) again(t *testing.T, program int, before int, payload string) [][]byte {
	t.Helper()
	s := segment{sequence: c.next[program] - uint32(before), payload: []byte(payload), flags: psh | ack}
	c.next[program] += uint32(max(0, len(payload)-before))
	return c.rig.goOn(t, program, &c.socket, s.packet())
}

func (c *talk) ask(t *testing.T, payload string) [][]byte {
	t.Helper()
	return c.send(t, observeIngress, payload, psh|ack)
}

func (c *talk) answer(t *testing.T, payload string) [][]byte {
	t.Helper()
	return c.send(t, observeEgress, payload, psh|ack)
}

// one decodes the only record.
func one(t *testing.T, records [][]byte) (e event.Event) {
	t.Helper()
	require.Len(t, records, 1)
	require.NoError(t, e.Decode(records[0]))
	return e
}

const (
	get       = "GET /cart HTTP/1.1\r\nHost: shop\r\n\r\n"
	answer200 = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
)

func TestAnExchangeIsToldOnceWithBothHeads(t *testing.T) {
	c := newTalk(talkRig(t))
	for number := range 3 {
		require.Empty(t, c.ask(t, get))
		e := one(t, c.answer(t, answer200))
		assert.Equal(t, event.Exchange, e.Kind)
		assert.EqualValues(t, number+1, e.Number)
		assert.Equal(t, get, string(e.Request))
		assert.Equal(t, answer200, string(e.ResponseHead))
		assert.EqualValues(t, len(get), e.RequestBytes)
		assert.EqualValues(t, len(answer200), e.ResponseBytes)
		assert.False(t, e.Client)
		assert.Less(t, e.RequestTime, e.Time)
		assert.EqualValues(t, min(number, 1)*len(answer200), e.PreviousBytes)
		assert.Equal(t, number > 0, e.PreviousTime != 0)
	}
}

// TestARequestInAnyTwoPacketsIsWholeOrNotTold splits a request at every place. What the kernel captures is what was sent,
// or nothing at all where the first packet does not show what it is.
func TestARequestInAnyTwoPacketsIsWholeOrNotTold(t *testing.T) {
	r := talkRig(t)
	for _, request := range []string{get, "OPTIONS * HTTP/1.1\r\nHost: " + strings.Repeat("x", 700) + "\r\n\r\n"} {
		for at := 1; at < len(request); at++ {
			c := newTalk(r)
			require.Empty(t, c.ask(t, request[:at]))
			require.Empty(t, c.ask(t, request[at:]))
			records := c.answer(t, answer200)
			if at < 8 && len(records) == 0 {
				continue
			}
			e := one(t, records)
			// Behind the first packet at most 256 bytes a packet are kept.
			require.Equal(t, request[:min(len(request), 480, max(at+256, min(at, 480)))], string(e.Request), "split at %d", at)
			require.EqualValues(t, len(request), e.RequestBytes)
		}
	}
}

// TestACapturedHeadHasNoHoles sends requests in packets of which more than what is captured of one comes in the middle.
func TestACapturedHeadHasNoHoles(t *testing.T) {
	r := talkRig(t)
	request := "GET /?" + strings.Repeat("0123456789", 60) + " HTTP/1.1\r\nHost: shop\r\n\r\n"
	for _, first := range []int{8, 40, 100, 200} {
		for _, second := range []int{10, 256, 257, 300} {
			c := newTalk(r)
			c.ask(t, request[:first])
			c.ask(t, request[first:first+second])
			c.ask(t, request[first+second:first+second+20])
			c.ask(t, request[first+second+20:])
			e := one(t, c.answer(t, answer200))
			require.Equal(t, request[:len(e.Request)], string(e.Request), "%d, %d", first, second)
			require.GreaterOrEqual(t, len(e.Request), first+min(second, 256))
			require.EqualValues(t, len(request), e.RequestBytes)
		}
	}
}

// TestAResponseInAnyTwoPacketsIsCountedWhole splits a response at every place.
func TestAResponseInAnyTwoPacketsIsCountedWhole(t *testing.T) {
	r := talkRig(t)
	for at := 8; at < len(answer200); at++ {
		c := newTalk(r)
		c.ask(t, get)
		e := one(t, c.answer(t, answer200[:at]))
		require.Equal(t, answer200[:at], string(e.ResponseHead))
		e = one(t, c.answer(t, answer200[at:]))
		require.Equal(t, event.Progress, e.Kind)
		require.EqualValues(t, len(answer200), e.ResponseBytes)
	}
}

// TestBytesAreCountedOnce sends a response in pieces of which some come again, whole or in part, with new bytes behind
// them or not, over the place where sequence numbers begin anew.
func TestBytesAreCountedOnce(t *testing.T) {
	r := talkRig(t)
	random := rand.New(rand.NewPCG(9, 10))
	for range 100 {
		c := newTalk(r)
		c.ask(t, get)
		response := "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + strings.Repeat("x", 1000)
		sent := 40 + random.IntN(200)
		one(t, c.answer(t, response[:sent]))
		for sent < len(response) {
			before := random.IntN(min(sent, 300))
			end := min(len(response), sent-before+1+random.IntN(400))
			records := c.again(t, observeEgress, before, response[sent-before:end])
			if end <= sent {
				require.Empty(t, records, "all of this was seen")
				continue
			}
			sent = end
			require.EqualValues(t, sent, one(t, records).ResponseBytes)
		}
	}
}

func TestEndsOfConnectionsAreToldOnce(t *testing.T) {
	r := talkRig(t)
	for name, test := range map[string]struct {
		program int
		flags   byte
		want    event.Flags
	}{
		"the server closes": {observeEgress, fin | ack, event.Fin},
		"the server resets": {observeEgress, rst, event.Reset},
		"the client resets": {observeIngress, rst, event.Reset},
		"the client closes": {observeIngress, fin | ack, 0},
	} {
		t.Run(name, func(t *testing.T) {
			for _, answered := range []bool{false, true} {
				c := newTalk(r)
				c.ask(t, get)
				kind := event.Exchange
				if answered {
					c.answer(t, answer200[:30])
					kind = event.End
				}
				records := c.send(t, test.program, "", test.flags)
				if test.want == 0 {
					require.Empty(t, records)
					continue
				}
				e := one(t, records)
				assert.Equal(t, kind, e.Kind)
				assert.Equal(t, test.want, e.Flags)
				assert.Empty(t, e.ResponseHead)
				assert.Empty(t, c.send(t, test.program, "", test.flags), "it has ended")
			}
		})
	}
}

// TestOnlyTheLastChunkEndsAChunkedBody sends the beginning of a chunked response that goes on, and then its end.
func TestOnlyTheLastChunkEndsAChunkedBody(t *testing.T) {
	r := talkRig(t)
	head := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
	for _, first := range []string{
		head + "\r\n", head + "Age: 0\r\n\r\n", head + "Keep-Alive: timeout=60\r\n\r\n", head + "\r\n5\r\nhello\r\n",
		head + "\r\n9\r\na,b,100\r\n\r\n",
	} {
		for _, last := range []string{"0\r\n\r\n", "5\r\nworld\r\n0\r\n\r\n", "\r\n0\r\n\r\n"} {
			c := newTalk(r)
			c.ask(t, get)
			e := one(t, c.answer(t, first))
			assert.Zero(t, e.Flags&event.ChunkEnd, "%q", first)
			e = one(t, c.answer(t, "7\r\nhel10\r\n\r\n"))
			assert.Zero(t, e.Flags&event.ChunkEnd, "in the middle")
			e = one(t, c.answer(t, last))
			assert.NotZero(t, e.Flags&event.ChunkEnd, "%q", last)
		}
	}
}

func TestAPipelinedConnectionBecomesAStream(t *testing.T) {
	r := talkRig(t)
	c := newTalk(r)
	before, err := r.objects.Counters()
	require.NoError(t, err)
	c.ask(t, get)
	require.EqualValues(t, 1, c.socket.Socket.HasConnection)
	c.ask(t, get)
	assert.Zero(t, c.socket.Socket.HasConnection)
	assert.EqualValues(t, 1, c.socket.Socket.HasStream)
	after, err := r.objects.Counters()
	require.NoError(t, err)
	assert.Equal(t, before.Lost["pipelined"], after.Lost["pipelined"])
}

func TestAnUnknownProtocolIsSwitchedOff(t *testing.T) {
	c := newTalk(talkRig(t))
	for i := range 8 {
		require.Empty(t, c.send(t, i%2, fmt.Sprintf("SSH-2.0-message %d\r\n", i), psh|ack))
	}
	assert.EqualValues(t, 1, c.socket.Socket.Owner.Off)
	require.Empty(t, c.ask(t, get))
	assert.Zero(t, c.socket.Socket.HasConnection)
}
