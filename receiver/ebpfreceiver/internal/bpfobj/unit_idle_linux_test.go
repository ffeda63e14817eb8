// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a sweep notes of a connection: enum idle in bpf/maps.bpf.h.
const (
	idleNot = iota
	idleNoted
	idleNotedToo
	idleGone
)

func TestAnyPacketTakesBackWhatASweepHasNoted(t *testing.T) {
	r := talkRig(t)
	for _, note := range []uint8{idleNoted, idleNotedToo} {
		c := newTalk(r)
		c.ask(t, get)
		c.socket.connection().Idle = note
		assert.Len(t, c.answer(t, answer200), 1, "as if nobody had swept")
		assert.EqualValues(t, idleNot, c.socket.connection().Idle)
		c.socket.connection().Idle = note
		c.send(t, observeEgress, "", fin|ack)
		assert.EqualValues(t, idleNot, c.socket.connection().Idle)
	}
}

// TestAPacketLeavesAloneWhatIsBeingTakenAway has packets come at the very moment of a sweep. A request is then lost, and
// counted.
func TestAPacketLeavesAloneWhatIsBeingTakenAway(t *testing.T) {
	r := talkRig(t)
	exactly(t, r, func(s *story) {
		c := newTalk(r)
		s.asks(c)
		s.answers(c)
		c.socket.connection().Idle = idleGone
		gone := c.socket.Socket.Connection
		before, err := r.objects.Counters()
		require.NoError(t, err)
		s.asks(c)
		s.answers(c)
		s.pass(c, observeEgress, "", fin|ack)
		after, err := r.objects.Counters()
		require.NoError(t, err)
		assert.Equal(s, gone, c.socket.Socket.Connection)
		assert.EqualValues(s, 1, after.Requests-before.Requests)
		assert.EqualValues(s, 1, after.Lost["storage"]-before.Lost["storage"])
		r.drain(t)
	})
}

// swept makes a connection without state, as a sweep leaves it.
func swept(r *rig, note uint8) *talk {
	c := newTalk(r)
	c.socket.Socket.HasOwner, c.socket.Socket.Owner.Pid, c.socket.Socket.Owner.Direction = 1, 7, note
	return c
}

// Bits of owner.direction: bpf/event.h.
const (
	ownerSwept    = 4
	ownerRested   = 8
	ownerReleased = 16
)

func TestASweptConnectionGoesOnWithItsNextRequest(t *testing.T) {
	r := talkRig(t)
	c := swept(r, ownerSwept)
	require.Empty(t, c.ask(t, get))
	assert.Zero(t, c.socket.connection().Released)
	e := one(t, c.answer(t, answer200))
	assert.Greater(t, e.Number, uint32(1), "was used before")
	assert.Zero(t, e.PreviousTime)
	number := e.Number
	require.Empty(t, c.ask(t, get))
	e = one(t, c.answer(t, answer200))
	assert.Equal(t, number+1, e.Number)
	assert.NotZero(t, e.PreviousTime)

	c = swept(r, ownerSwept|ownerReleased)
	c.ask(t, get)
	assert.EqualValues(t, 1, c.socket.connection().Released)
}

func TestWhatIsNoRequestDoesNotMakeASweptConnectionUnknown(t *testing.T) {
	r := talkRig(t)
	c := swept(r, ownerSwept)
	for range 200 { // far more than DetectMessages
		assert.Empty(t, c.ask(t, "BREW / HTTP/1.1\r\n\r\n"))
		assert.Empty(t, c.answer(t, answer200))
	}
	assert.Zero(t, c.socket.Socket.Owner.Off)
	assert.EqualValues(t, ownerSwept, c.socket.Socket.Owner.Direction&^1, "what is known of it stays")
	c.ask(t, get)
	assert.Greater(t, one(t, c.answer(t, answer200)).Number, uint32(1))
}

// TestAnAnswerToWhatRestedIsNotUnmatched: nobody saw the request, and that was intended.
func TestAnAnswerToWhatRestedIsNotUnmatched(t *testing.T) {
	r := talkRig(t)
	exactly(t, r, func(s *story) {
		before, err := r.objects.Counters()
		require.NoError(t, err)
		s.answers(swept(r, ownerSwept|ownerRested))
		between, err := r.objects.Counters()
		require.NoError(t, err)
		assert.EqualValues(s, 1, between.Rested-before.Rested)
		assert.Equal(s, before.Degraded, between.Degraded)
		s.answers(swept(r, ownerSwept))
		after, err := r.objects.Counters()
		require.NoError(t, err)
		assert.EqualValues(s, 1, after.Degraded["response_unmatched"]-before.Degraded["response_unmatched"])
	})
}

// TestWhatRecordsDoNotTellIsNoted has packets of a response with and without the mark at the end of a write.
func TestWhatRecordsDoNotTellIsNoted(t *testing.T) {
	c := newTalk(talkRig(t))
	c.ask(t, get)
	c.answer(t, answer200[:39])
	assert.Zero(t, c.socket.connection().Untold)
	assert.Empty(t, c.send(t, observeEgress, answer200[39:41], ack))
	assert.EqualValues(t, 1, c.socket.connection().Untold)
	assert.Len(t, c.send(t, observeEgress, answer200[41:], psh|ack), 1)
	assert.Zero(t, c.socket.connection().Untold)
}
