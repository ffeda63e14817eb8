// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
)

// later lets so much time pass on a connection: what has happened on it was so long ago.
func (c *talk) later(d time.Duration) {
	connection := c.socket.connection()
	connection.LastNs -= uint64(d)
	connection.Exchange.RequestNs -= uint64(d)
}

// sum is what the durations that were counted since the last time add up to, by how the exchange failed.
func (s *story) sum() map[event.Flags]time.Duration {
	s.t.Helper()
	all := map[event.Flags]time.Duration{}
	require.NoError(s.t, s.rig.objects.DrainSeries(func(series *Series) {
		if series.Sum != 0 {
			all[series.Failure] += time.Duration(series.Sum)
		}
	}))
	return all
}

// TestAResponseToARequestThatWasNotSeenIsNotAddedToTheOneBefore answers a request that no program recognizes, half a minute after
// another one was answered.
func TestAResponseToARequestThatWasNotSeenIsNotAddedToTheOneBefore(t *testing.T) {
	r := talkRig(t)
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, end := range map[string]byte{"and the connection goes on": ack, "and the server closes": fin | ack} {
		t.Run(name, func(t *testing.T) {
			exactly(t, r, func(s *story) {
				s.sum()
				c := newTalk(r)
				s.asks(c)
				s.pass(c, observeEgress, chunked+"0\r\n\r\n", psh|ack)
				assert.Len(s, s.sum(), 1)
				c.later(30 * time.Second)
				s.pass(c, observeIngress, "{}", psh|ack)
				s.pass(c, observeEgress, chunked, psh|ack)
				s.pass(c, observeEgress, "5\r\nhello\r\n", psh|ack)
				s.pass(c, observeEgress, "", end)
				assert.Empty(s, s.sum(), "nothing more of the first")
				s.asks(c)
				s.answers(c)
				assert.Len(s, s.sum(), 1, "the next is counted")
			})
		})
	}
}

// ends has the connection end without a packet's bytes, as the programs go on where it does.
func (s *story) ends(c *talk, flag event.Flags) {
	s.t.Helper()
	c.socket.Runs, c.socket.Program = 0, endPacket
	s.rig.give(s.t, &c.socket)
	context := bytesOf(&skb{CB: [5]uint32{uint32(flag)}})
	_, err := s.rig.unit.Stage.Run(&ebpf.RunOptions{Data: segment{}.packet(), Context: context, Repeat: 2})
	require.NoError(s.t, err)
	after := s.rig.result(s.t)
	s.interrupted = s.interrupted || after.Runs != 2
	c.socket = *after
}

// What of a response with a longer head than is captured, and with one that is whole.
var (
	longHead       = "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 300) + "\r\nContent-Length: 0\r\n\r\n"
	lengthThenMore = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\nX: " + strings.Repeat("x", 300) + "\r\n\r\n"
	tooShort       = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"
)

// TestAConnectionThatIsIdleForLongDoesNotMakeItsLastExchangeFail ends connections after the answer, some a minute and a half
// later. Whether the answer was whole cannot be told where its head is longer than what is captured.
func TestAConnectionThatIsIdleForLongDoesNotMakeItsLastExchangeFail(t *testing.T) {
	r := talkRig(t)
	for name, test := range map[string]struct {
		answers []string
		idle    time.Duration
		fails   bool
	}{
		"a cut head, long ago":             {[]string{longHead}, 90 * time.Second, false},
		"a cut head, to be continued":      {[]string{longHead[:256]}, 90 * time.Second, true},
		"a cut head with a length":         {[]string{lengthThenMore + "hello"}, 90 * time.Second, false},
		"a cut head, too short":            {[]string{lengthThenMore[:300]}, 90 * time.Second, true},
		"a cut head, just now":             {[]string{longHead}, 0, true},
		"chunked, without an end":          {[]string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}, 90 * time.Second, true},
		"too short":                        {[]string{tooShort}, 90 * time.Second, true},
		"whole":                            {[]string{answer200}, 90 * time.Second, false},
		"whole behind 100":                 {[]string{"HTTP/1.1 100 Continue\r\n\r\n" + answer200}, 0, false},
		"too short behind 100":             {[]string{"HTTP/1.1 100 Continue\r\n\r\n" + tooShort}, 90 * time.Second, true},
		"behind 100 in a packet, long ago": {[]string{"HTTP/1.1 100 Continue\r\n\r\n", answer200}, 90 * time.Second, false},
	} {
		for _, flag := range []event.Flags{event.Reset, event.GivenUp, event.Timeout} {
			exactly(t, r, func(s *story) {
				s.sum()
				c := newTalk(r)
				s.asks(c)
				for _, answer := range test.answers {
					s.pass(c, observeEgress, answer, psh|ack)
				}
				c.later(test.idle)
				assert.Len(s, s.sum(), 1, name)
				s.ends(c, flag)
				sum := s.sum()
				assert.Equal(s, test.fails, sum[flag] != 0, "%s, %d: %v", name, flag, sum)
				if flag != event.Reset {
					assert.Less(s, sum[flag], time.Minute, "%s: the last byte was the end", name)
				}
			})
		}
	}
}

// TestADurationSaysWhetherItsOwnerIsTheListeners has the three kinds of owners answer.
func TestADurationSaysWhetherItsOwnerIsTheListeners(t *testing.T) {
	r := talkRig(t)
	exactly(t, r, func(s *story) {
		for how, want := range map[uint8]bool{0: false, 1: true, 2: false} {
			s.sum()
			c := (&process{s, 7}).has()
			c.socket.Socket.Owner.Inherited = how
			s.asks(c)
			s.answers(c)
			found := []bool{}
			require.NoError(t, r.objects.DrainSeries(func(series *Series) {
				if !series.Overflow {
					found = append(found, series.Owner.Inherited)
				}
			}))
			assert.Equal(s, []bool{want}, found, "%d", how)
		}
	})
}
