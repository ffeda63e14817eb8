// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestThinningKeepsWhatIsNotBelowTheThreshold sends requests whose traces lie around it, through the program that chooses.
func TestThinningKeepsWhatIsNotBelowTheThreshold(t *testing.T) {
	r := talkRig(t)
	const threshold = 0xce929d0e0e4736
	require.NoError(t, r.objects.Thin(threshold))
	for random, kept := range map[uint64]bool{threshold - 1: false, threshold: true, threshold + 1: true, 1: false, 1<<56 - 1: true} {
		c := newTalk(r)
		before, err := r.objects.Counters()
		require.NoError(t, err)
		c.ask(t, fmt.Sprintf("GET / HTTP/1.1\r\ntraceparent: 00-4bf92f3577b34da6a3%014x-00f067aa0ba902b7-01\r\nHost: a\r\n\r\n", random))
		records := c.answer(t, answer200)
		after, err := r.objects.Counters()
		require.NoError(t, err)
		if !kept {
			assert.Empty(t, records, "%x", random)
			assert.Greater(t, after.Thinned, before.Thinned)
			continue
		}
		assert.EqualValues(t, threshold, one(t, records).Threshold)
		assert.Equal(t, before.Thinned, after.Thinned)
	}
}

// TestWhatFailedIsNotThinned has a threshold that nothing else passes.
func TestWhatFailedIsNotThinned(t *testing.T) {
	r := talkRig(t)
	require.NoError(t, r.objects.Thin(1<<56-1))
	for status, kept := range map[int]bool{200: false, 302: false, 404: false, 499: false, 500: true, 503: true, 599: true} {
		c := newTalk(r)
		c.ask(t, get)
		records := c.answer(t, fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n", status))
		if !kept {
			assert.Empty(t, records, status)
			continue
		}
		e := one(t, records)
		assert.Zero(t, e.Threshold, "it stands for itself")
		c.ask(t, get)
		assert.Empty(t, c.answer(t, answer200), "what comes behind it is thinned again")
	}
	c := newTalk(r)
	c.ask(t, get)
	e := one(t, c.send(t, observeEgress, "", rst))
	assert.Zero(t, e.Threshold)
	assert.True(t, e.Flags.Ended(), "it was not answered")
}

// TestACallThatFailedWithinARequestIsNotThinned has calls that were answered with 404, within a request and not.
func TestACallThatFailedWithinARequestIsNotThinned(t *testing.T) {
	r := talkRig(t)
	require.NoError(t, r.objects.Thin(1<<56-1))
	t.Cleanup(func() { require.NoError(t, r.objects.Thin(0)) })
	exactly(t, r, func(s *story) {
		p := &process{s, 7}
		p.forget()
		within, request := p.has(), p.has()
		for _, open := range []bool{false, true} {
			if open {
				s.asks(request)
			}
			p.calls(within)
			s.pass(within, observeIngress, "HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n", psh|ack)
			assert.Equal(s, open, within.socket.connection().Emitted != 0)
		}
	})
}

// TestMixedNumbersAreMurmurs pins the hash on which both ends of a connection, and all versions of the programs, agree.
func TestMixedNumbersAreMurmurs(t *testing.T) {
	r := newRig(t, whole())
	for number, want := range map[uint64]uint64{0: 0, 1: 0xb456bcfc34c2cb2c} {
		u := &unitUnit{}
		u.Numbers.Ns = number
		assert.Equal(t, want, r.ask(t, r.unit.LookAtNumbers, u, segment{}.packet()).Numbers.Mixed)
	}
}

// TestWhatComesWithAConnectionIsKept passes packets by the filter on a listener.
func TestWhatComesWithAConnectionIsKept(t *testing.T) {
	r := talkRig(t)
	for payload, protocol := range map[string]uint8{
		get:                                    0,
		"POST / HTTP/1.1\r\nContent-Length: 9": 0,
		"PUT / HTTP/1.1\r\nHost: " + strings.Repeat("x", 700) + "\r\n\r\n": 0,
		prefaceHTTP2: uint8(socketStreamProtocolSTREAM_HTTP2),
		"\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03": uint8(socketStreamProtocolSTREAM_TLS),
		"SSH-2.0-OpenSSH": 255,
	} {
		for _, six := range []bool{false, true} {
			kept := r.early(t, segment{payload: []byte(payload), sequence: 77, six: six})
			if protocol == 255 {
				assert.Empty(t, kept)
				continue
			}
			require.Len(t, kept, 1, "%q", payload)
			e := kept[0]
			assert.Equal(t, protocol, e.Protocol)
			assert.EqualValues(t, 77, e.Sequence)
			assert.EqualValues(t, len(payload), e.Length)
			assert.EqualValues(t, 40000, e.PeerPort)
			peer := netip.MustParseAddr("10.0.0.1")
			if six {
				peer = netip.MustParseAddr("2001:db8::1")
			}
			assert.Equal(t, peer, netip.AddrFrom16(e.PeerAddress).Unmap())
			if protocol == 0 {
				assert.Equal(t, payload[:min(len(payload), 480)], string(e.Data[:e.Captured]))
				assert.Equal(t, strings.HasSuffix(payload, "\r\n\r\n"), e.HeadComplete != 0)
			}
		}
	}
}

// early passes one packet and returns what the processors have kept of it.
func (r *rig) early(t *testing.T, s segment) []socketEarly {
	t.Helper()
	var slots []socketEarly
	require.NoError(t, r.objects.maps.EarlyData.Lookup(uint32(0), &slots))
	require.NoError(t, r.objects.maps.EarlyData.Put(uint32(0), make([]socketEarly, len(slots))))
	r.ask(t, r.unit.KeepEarly, &unitUnit{}, s.packet())
	require.NoError(t, r.objects.maps.EarlyData.Lookup(uint32(0), &slots))
	var kept []socketEarly
	for _, slot := range slots {
		if slot.Length != 0 {
			kept = append(kept, slot)
		}
	}
	return kept
}
