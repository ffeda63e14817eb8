// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
)

// These tests have a process serve what nobody counts, beside one request that is open. Nothing is certain then.

func TestAProcessIsNotCertainThatAnswersOnAConnectionWhoseAcceptorIsUnknown(t *testing.T) {
	r := talkRig(t)
	for name, test := range map[string]struct {
		over    func(s *story, c *talk)
		certain bool
	}{
		"it answers":     {func(s *story, c *talk) { s.answers(c) }, false},
		"nobody answers": {func(s *story, c *talk) { s.ends(c, event.Reset) }, true},
	} {
		exactly(t, r, func(s *story) {
			p := &process{s, 7}
			p.forget()
			known, unknown := p.has(), p.has()
			unknown.socket.Socket.Owner.Inherited = ownerInherited
			s.asks(unknown)
			s.asks(known)
			assert.True(s, p.certain(), "it waits to be accepted, perhaps by somebody else")
			test.over(s, unknown)
			assert.Equal(s, test.certain, p.certain(), name)
		})
	}
}

func TestAProcessIsNotCertainThatServesHTTP2OnAConnectionOlderThanThePrograms(t *testing.T) {
	r := talkRig(t)
	for name, payload := range map[string]string{
		"from its beginning": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
		"from a request on":  "\x00\x00\x03\x01\x05\x00\x00\x00\x01\x83\x86\x84",
	} {
		exactly(t, r, func(s *story) {
			p := &process{s, 7}
			p.forget()
			old, open := p.has(), p.has()
			old.socket.Socket.Owner.Inherited = 0
			s.asks(open)
			assert.True(s, p.certain(), name)
			s.pass(old, observeIngress, payload, psh|ack)
			assert.EqualValues(s, 1, old.socket.Socket.HasStream, name)
			assert.False(s, p.certain(), name)
		})
	}
	exactly(t, r, func(s *story) {
		p := &process{s, 7}
		p.forget()
		caller, open := p.has(), p.has()
		caller.socket.Socket.Owner.Inherited = 0
		s.asks(open)
		s.pass(caller, observeEgress, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", psh|ack)
		assert.EqualValues(s, 1, caller.socket.Socket.HasStream)
		assert.True(s, p.certain(), "it is who asks")
	})
}

// TestTheRestOfAnAnswerFromBeforeMakesNobodyUncertain passes first what else there may be on connections that were accepted before
// the programs were there.
func TestTheRestOfAnAnswerFromBeforeMakesNobodyUncertain(t *testing.T) {
	r := talkRig(t)
	for name, test := range map[string]struct {
		program int
		payload string
		certain bool
	}{
		"an answer":               {observeEgress, "HTTP/1.1 200 OK\r\n\r\n", true},
		"the rest of an answer":   {observeEgress, "of a body", true},
		"an answer, to a client":  {observeIngress, "HTTP/1.1 200 OK\r\n\r\n", true},
		"what is no HTTP":         {observeIngress, "*1\r\n$4\r\nPING\r\n", false},
		"an answer of HTTP/2":     {observeEgress, "\x00\x00\x01\x01\x05\x00\x00\x00\x01\x88", false},
		"the client's HTTP/2, on": {observeIngress, "\x00\x00\x03\x01\x05\x00\x00\x00\x01\x83\x86\x84", false},
	} {
		exactly(t, r, func(s *story) {
			p := &process{s, 7}
			p.forget()
			old, open := p.has(), p.has()
			old.socket.Socket.Owner.Inherited = ownerAccepted
			s.asks(open)
			s.pass(old, test.program, test.payload, psh|ack)
			assert.Equal(s, test.certain, p.certain(), name)
		})
	}
}

func TestAProcessIsNotCertainThatServesWhatIsFilteredOut(t *testing.T) {
	settings := whole()
	settings.ExcludePorts = []uint16{0} // every port that the sockets of tests have
	r := newRig(t, settings)
	r.seesPackets(t)
	exactly(t, r, func(s *story) {
		p := &process{s, 7}
		p.forget()
		c := p.has()
		s.asks(c)
		assert.EqualValues(s, 1, c.socket.Socket.Owner.Off)
		assert.EqualValues(s, 1, p.serving().Unsure)
	})
	exactly(t, r, func(s *story) {
		p := &process{s, 7}
		p.forget()
		caller := p.has()
		caller.socket.Socket.Owner.Inherited = 0
		s.calls(caller)
		assert.Zero(s, p.serving().Unsure, "it is who asks")
	})
}
