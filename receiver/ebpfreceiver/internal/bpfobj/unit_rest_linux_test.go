// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"fmt"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
)

// shift is what most of these tests rest with: one of eight connections is followed.
const shift = 3

// groupOf returns the group of the connections that tests make. It is the only one in whose turn they are followed.
func groupOf(t *testing.T, r *rig) uint32 {
	t.Helper()
	var followed []uint32
	for group := range uint32(1 << shift) {
		require.NoError(t, r.objects.Rest(shift, group))
		c := newTalk(r)
		c.ask(t, get)
		if len(c.answer(t, answer200)) > 0 {
			followed = append(followed, group)
		}
	}
	require.Len(t, followed, 1)
	return followed[0]
}

// turns are ways to say whose turn it is.
type turns struct {
	t     *testing.T
	rig   *rig
	group uint32
}

func newTurns(t *testing.T, r *rig) *turns {
	t.Helper()
	w := &turns{t, r, groupOf(t, r)}
	t.Cleanup(func() { require.NoError(t, r.objects.Rest(0, 0)) })
	return w
}

func (w *turns) ours()   { require.NoError(w.t, w.rig.objects.Rest(shift, w.group)) }
func (w *turns) others() { require.NoError(w.t, w.rig.objects.Rest(shift, w.group+1)) }
func (w *turns) all()    { require.NoError(w.t, w.rig.objects.Rest(0, 0)) }

func (w *turns) rested() uint64 {
	counters, err := w.rig.objects.Counters()
	require.NoError(w.t, err)
	return counters.Rested
}

func TestAConnectionRestsFromARequestToARequest(t *testing.T) {
	r := talkRig(t)
	turn, c := newTurns(t, r), newTalk(r)
	turn.ours()
	c.ask(t, get)
	turn.others()
	first := one(t, c.answer(t, answer200[:30]))
	assert.EqualValues(t, shift, first.Scale)
	assert.Equal(t, event.Progress, one(t, c.answer(t, answer200[30:])).Kind, "what is open is followed to its end")

	before := turn.rested()
	assert.Empty(t, c.ask(t, get))
	assert.EqualValues(t, 1, c.socket.connection().Rests)
	assert.Zero(t, c.socket.connection().Phase)
	noted := c.socket
	assert.Empty(t, c.answer(t, answer200))
	assert.Empty(t, c.ask(t, "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n"))
	assert.Equal(t, noted.Socket.Connection, c.socket.Socket.Connection, "nothing is written to it")
	assert.Greater(t, turn.rested(), before)

	turn.ours()
	assert.Empty(t, c.ask(t, "hello"), "the rest of a request that was not seen")
	assert.Empty(t, c.answer(t, "HTTP/1.1 500 Oh\r\n\r\n"), "its answer")
	assert.EqualValues(t, 1, c.socket.connection().Rests)
	assert.Empty(t, c.ask(t, get))
	assert.Zero(t, c.socket.connection().Rests)
	turn.all()
	second := one(t, c.answer(t, answer200))
	assert.EqualValues(t, shift, second.Scale, "what counts is when it began")
	assert.EqualValues(t, 2, second.Number)
	assert.Equal(t, get, string(second.Request))
	assert.EqualValues(t, len(get), second.RequestBytes)
	assert.EqualValues(t, len(answer200), second.ResponseBytes)
	assert.EqualValues(t, len(answer200), second.PreviousBytes)
	assert.NotZero(t, second.PreviousTime)

	c.ask(t, get)
	assert.Zero(t, one(t, c.answer(t, answer200)).Scale)
}

func TestAConnectionThatIsNewMayRest(t *testing.T) {
	r := talkRig(t)
	turn, c := newTurns(t, r), newTalk(r)
	turn.others()
	assert.Empty(t, c.ask(t, get))
	assert.Empty(t, c.answer(t, answer200))
	assert.Empty(t, c.send(t, observeIngress, "", rst), "nothing was open")
	assert.EqualValues(t, 1, c.socket.connection().Rests)
}

// TestATunnelThatWasNotSeenIsNone has a connection become a tunnel while it rests.
func TestATunnelThatWasNotSeenIsNone(t *testing.T) {
	r := talkRig(t)
	turn, c := newTurns(t, r), newTalk(r)
	turn.others()
	c.ask(t, "CONNECT a:443 HTTP/1.1\r\n\r\n")
	c.answer(t, "HTTP/1.1 200 OK\r\n\r\n")
	turn.all()
	assert.Empty(t, c.ask(t, "\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03"))
	assert.EqualValues(t, 1, c.socket.Socket.HasConnection)
	assert.Zero(t, c.socket.Socket.HasStream)
}

func TestAConnectionInTheMiddleOf100ContinueDoesNotRest(t *testing.T) {
	r := talkRig(t)
	turn, c := newTurns(t, r), newTalk(r)
	turn.ours()
	c.ask(t, "PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 34\r\n\r\n")
	c.answer(t, "HTTP/1.1 100 Continue\r\n\r\n")
	turn.others()
	assert.Empty(t, c.ask(t, get), "a body that looks like a request")
	assert.Zero(t, c.socket.connection().Rests)
	assert.NotEmpty(t, c.answer(t, answer200))
}

func TestPipelinedRequestsAreFollowedWhenTheConnectionHasItsTurn(t *testing.T) {
	r := talkRig(t)
	turn, c := newTurns(t, r), newTalk(r)
	turn.others()
	c.ask(t, get+get)
	turn.ours()
	c.ask(t, get+get)
	assert.EqualValues(t, 1, c.socket.Socket.HasStream, "its first request after a rest is searched for others")
}

// story is what becomes of connections whose packets pass exactly once each, so that what the programs count is what was
// sent. Assertions are collected, since where the kernel was interrupted a packet may have passed twice, and all begins anew.
type story struct {
	t           *testing.T
	rig         *rig
	failures    []string
	interrupted bool
}

func (s *story) Errorf(format string, args ...any) {
	s.failures = append(s.failures, fmt.Sprintf(format, args...))
}

// exactly tells a story, which has to begin with nothing left of the time before.
func exactly(t *testing.T, r *rig, tell func(*story)) {
	t.Helper()
	for range 100 {
		s := &story{t: t, rig: r}
		if tell(s); s.interrupted {
			continue
		}
		for _, failure := range s.failures {
			t.Error(failure)
		}
		return
	}
	t.Fatal("always interrupted")
}

// pass passes the next bytes of a direction.
func (s *story) pass(c *talk, program int, payload string, flags byte) {
	s.t.Helper()
	packet := segment{sequence: c.next[program], payload: []byte(payload), flags: flags, options: make([]byte, 12)}
	c.next[program] += uint32(len(payload))
	c.socket.Runs, c.socket.Program = 0, uint32(program)
	s.rig.give(s.t, &c.socket)
	_, err := s.rig.unit.Stage.Run(&ebpf.RunOptions{Data: packet.packet(), Repeat: 2})
	require.NoError(s.t, err)
	after := s.rig.result(s.t)
	s.interrupted = s.interrupted || after.Runs != 2
	c.socket = *after
}

func (s *story) asks(c *talk)    { s.t.Helper(); s.pass(c, observeIngress, get, psh|ack) }
func (s *story) answers(c *talk) { s.t.Helper(); s.pass(c, observeEgress, answer200, psh|ack) }
func (s *story) calls(c *talk)   { s.t.Helper(); s.pass(c, observeEgress, get, psh|ack) }

// durations are what was counted, by whether it is scaled and how the connection failed.
func (s *story) durations() map[string]int64 {
	s.t.Helper()
	all := map[string]int64{}
	require.NoError(s.t, s.rig.objects.DrainSeries(func(series *Series) {
		key := fmt.Sprintf("scaled %t failure %d", series.Scaled, series.Failure)
		for _, n := range series.Counts {
			if n != 0 {
				all[key] += n
			}
		}
		if series.Scaled {
			assert.Zero(s, series.Sum%(1<<shift))
		}
	}))
	return all
}

func TestAnExchangeIsCountedAsOftenAsItStandsFor(t *testing.T) {
	r := talkRig(t)
	turn := newTurns(t, r)
	exactly(t, r, func(s *story) {
		s.durations()
		c := newTalk(r)
		turn.ours()
		s.asks(c)
		turn.all()
		s.pass(c, observeEgress, answer200[:30], psh|ack)
		assert.Equal(s, map[string]int64{"scaled true failure 0": 8}, s.durations())
		turn.others()
		s.pass(c, observeEgress, answer200[30:35], psh|ack)
		s.pass(c, observeEgress, "", rst)
		assert.Equal(s, map[string]int64{"scaled true failure 4": 8, "scaled true failure 0": -8}, s.durations(),
			"it is taken back as it was counted")
		c = newTalk(r)
		turn.ours()
		s.asks(c)
		s.answers(c)
		turn.all()
		s.asks(c)
		s.answers(c)
		turn.others()
		s.asks(c)
		s.answers(c)
		assert.Equal(s, map[string]int64{"scaled true failure 0": 8, "scaled false failure 0": 1}, s.durations())
	})
}

// process is the process that has the sockets of a test, and what the programs know of what it has to answer.
type process struct {
	*story
	pid uint32
}

// has makes a connection of the process.
func (p *process) has() *talk {
	c := newTalk(p.rig)
	c.socket.Socket.HasOwner = 1
	c.socket.Socket.Owner.Pid, c.socket.Socket.Owner.Inherited = p.pid, 2
	return c
}

func (p *process) serving() (found socketServing) {
	p.t.Helper()
	require.NoError(p.t, p.rig.objects.maps.Servings.Lookup(p.pid&8191, &found))
	return found
}

// forget makes it a process that is new.
func (p *process) forget() {
	p.t.Helper()
	require.NoError(p.t, p.rig.objects.maps.Servings.Put(p.pid&8191, socketServing{}))
}

// certain says whether a call would be known to be made for the one request that is open.
func (p *process) certain() bool {
	p.t.Helper()
	c := p.has()
	p.calls(c)
	const caused = 2 // MARK_CAUSED
	return c.socket.connection().Marks&caused != 0
}

func TestAProcessIsNotCertainWhileAConnectionOfItRests(t *testing.T) {
	r := talkRig(t)
	turn := newTurns(t, r)
	exactly(t, r, func(s *story) {
		p := &process{s, 7}
		p.forget()
		one, other := p.has(), p.has()
		turn.all()
		s.asks(other)
		s.answers(other)
		s.asks(one)
		assert.True(s, p.certain())
		before := p.serving()
		turn.others()
		s.asks(other)
		turn.all()
		assert.False(s, p.certain(), "the other's request is not counted")
		assert.NotEqual(s, before.Counts, p.serving().Counts, "what was certain is not any more")
		assert.EqualValues(s, 1, p.serving().Hidden)
		turn.others()
		s.answers(other)
		s.asks(other)
		assert.EqualValues(s, 1, p.serving().Hidden, "it is noted once")
		turn.all()
		s.answers(other)
		assert.False(s, p.certain(), "nor is it known that it was answered")
		s.asks(other)
		assert.Zero(s, p.serving().Hidden)
		assert.False(s, p.certain(), "there are two requests")
		s.answers(other)
		assert.True(s, p.certain(), "there is one")
		s.answers(one)
		assert.False(s, p.certain(), "there is none")
		last := p.serving()
		assert.Zero(s, uint32(last.Counts))
		assert.Zero(s, last.Cookies)
		assert.Zero(s, last.Exchanges)
		assert.Zero(s, last.Unsure)
	})
}

func TestAConnectionThatWaitsToBeAcceptedDoesNotMakeItsListenerUncertain(t *testing.T) {
	r := talkRig(t)
	turn := newTurns(t, r)
	exactly(t, r, func(s *story) {
		p := &process{s, 7}
		p.forget()
		c := p.has()
		c.socket.Socket.Owner.Inherited = 1 // OWNER_INHERITED
		turn.others()
		s.asks(c)
		assert.EqualValues(s, 1, c.socket.connection().Rests)
		assert.Zero(s, c.socket.connection().Hidden)
		assert.Zero(s, p.serving().Hidden)
	})
}

func TestACallersConnectionThatRestsHidesNoRequest(t *testing.T) {
	r := talkRig(t)
	turn := newTurns(t, r)
	exactly(t, r, func(s *story) {
		p := &process{s, 7}
		p.forget()
		one, caller := p.has(), p.has()
		turn.all()
		s.asks(one)
		turn.others()
		s.calls(caller)
		assert.Zero(s, p.serving().Hidden)
		turn.all()
		assert.True(s, p.certain())
	})
}

// TestProcessesThatShareASlotAreNotCertainWhileOneRests has the second come while a connection of the first rests.
func TestProcessesThatShareASlotAreNotCertainWhileOneRests(t *testing.T) {
	r := talkRig(t)
	turn := newTurns(t, r)
	exactly(t, r, func(s *story) {
		first, second := &process{s, 7}, &process{s, 7 + 8192}
		first.forget()
		rests, open := first.has(), second.has()
		turn.others()
		s.asks(rests)
		turn.all()
		s.asks(open)
		assert.False(s, second.certain())
		assert.EqualValues(s, 7, second.serving().Pid, "the slot is still needed")
		s.asks(rests)
		s.answers(rests)
		assert.Zero(s, first.serving().Hidden)
		s.answers(open)
		s.asks(open)
		assert.True(s, second.certain(), "and then it is not")
	})
}
