// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host is a Correlator with what it told, a line each.
type host struct {
	*Correlator
	told    []string
	floors  []uint64 // of what was told with an identity
	spans   byte
	process *procinfo.Process
}

func newHost(limit int) *host {
	h := &host{process: &procinfo.Process{PID: 7, Begun: 1}}
	h.Correlator = New(Settings{
		MaxWaiting: limit, Timeout: time.Minute,
		Identify: func(*protocol.Exchange) protocol.Identity {
			h.spans++
			return protocol.Identity{Trace: [16]byte{h.spans}, Span: [8]byte{h.spans}, Flags: 0x301, Floor: uint64(h.spans)}
		},
		Placed: func(x *protocol.Exchange) bool { return len(x.HTTP.TraceParent) > 0 },
		Emit: func(x *protocol.Exchange, _ *procinfo.Process) {
			text := fmt.Sprintf("%s %d", x.Side, x.ID.Number)
			if x.Identity != nil {
				h.floors = append(h.floors, x.Identity.Floor)
				text += fmt.Sprintf(" trace %d span %d parent %d", x.Identity.Trace[0], x.Identity.Span[0], x.Identity.Parent[0])
			}
			for _, link := range x.Links {
				text += fmt.Sprintf(" link %d", link.Span[0])
			}
			h.told = append(h.told, text)
		},
		Tell: func(x *protocol.Exchange, _ *procinfo.Process, f Failure) {
			h.told = append(h.told, fmt.Sprintf("cause of %d: %s", x.ID.Number, f.ErrorType))
		},
	})
	return h
}

func id(number uint32) protocol.ID { return protocol.ID{Cookie: 1, Number: number} }

func (h *host) serve(number uint32, status uint16, change ...func(*protocol.Exchange)) {
	x := &protocol.Exchange{ID: id(number), Start: 10, End: 100, HTTP: protocol.HTTP{Status: status}}
	for _, c := range change {
		c(x)
	}
	h.Exchange(x, h.process, time.Unix(0, 0))
}

func (h *host) call(number, within uint32, status uint16, change ...func(*protocol.Exchange)) {
	x := &protocol.Exchange{ID: id(number), Side: protocol.Client, Start: 20, End: 90, HTTP: protocol.HTTP{Status: status}}
	if within != 0 {
		x.Within = id(within)
	}
	for _, c := range change {
		c(x)
	}
	h.Exchange(x, h.process, time.Unix(0, 0))
}

func traced(x *protocol.Exchange) {
	x.HTTP.TraceParent = []byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
}

func TestACallBecomesAChildOfItsRequest(t *testing.T) {
	h := newHost(8)
	h.call(1, 5, 200)
	assert.Empty(t, h.told, "it waits")
	h.serve(5, 200)
	assert.Equal(t, []string{"server 5 trace 1 span 1 parent 0", "client 1 trace 1 span 2 parent 1"}, h.told)
	assert.Equal(t, []uint64{1, 1}, h.floors, "what is known of the trace's randomness is so of the call's")
}

func TestACallOfNoRequestIsARoot(t *testing.T) {
	h := newHost(8)
	h.call(1, 0, 200)
	h.serve(5, 200)
	assert.Equal(t, []string{"client 1", "server 5"}, h.told)
}

func TestACallWithATraceKeepsIt(t *testing.T) {
	h := newHost(8)
	h.call(1, 5, 200, traced)
	h.serve(5, 200)
	assert.Equal(t, []string{"client 1", "server 5"}, h.told)
}

func TestA5xxHasTheFailuresWithinIt(t *testing.T) {
	h := newHost(8)
	h.call(1, 5, 503)
	h.Connection(id(5), Failure{Peer: netip.MustParseAddrPort("10.0.0.1:80"), ErrorType: "connection_refused"}, time.Unix(0, 0))
	h.call(2, 5, 404, traced)
	h.call(3, 5, 200)
	h.serve(5, 502)
	assert.Equal(t, []string{
		"client 2 trace 1 span 1 parent 0",
		"server 5 trace 2 span 2 parent 0 link 1 link 3",
		"client 1 trace 2 span 3 parent 2", "client 3 trace 2 span 4 parent 2",
		"cause of 5: connection_refused", "cause of 5: 404", "cause of 5: 503",
	}, h.told)
	assert.Zero(t, h.Counts.Unknown.Load())
}

func TestWhatFailedWithinAnAnswerThatIsNo5xxIsNoCause(t *testing.T) {
	h := newHost(8)
	h.call(1, 5, 503)
	h.serve(5, 200)
	assert.Equal(t, []string{"server 5 trace 1 span 1 parent 0", "client 1 trace 1 span 2 parent 1"}, h.told)
}

func TestA5xxWithoutACertainCauseIsCounted(t *testing.T) {
	h := newHost(8)
	h.call(1, 0, 503)
	h.serve(5, 500)
	assert.EqualValues(t, 1, h.Counts.Unknown.Load())
	assert.Equal(t, []string{"client 1 trace 1 span 1 parent 0", "server 5 trace 2 span 2 parent 0"}, h.told)
}

func TestACallAndItsConnectionAreOneFailure(t *testing.T) {
	ends := func(x *protocol.Exchange) {
		x.Peer = netip.MustParseAddrPort("10.0.0.1:80")
		x.Failure = protocol.Reset
	}
	for connection, want := range map[string]string{"reset_by_peer": "connection_reset", Cancelled: Cancelled} {
		h := newHost(8)
		h.Connection(id(5), Failure{Peer: netip.MustParseAddrPort("10.0.0.1:80"), ErrorType: connection}, time.Unix(0, 0))
		h.call(1, 5, 0, ends)
		h.serve(5, 502)
		assert.Equal(t, []string{
			"server 5 trace 1 span 1 parent 0 link 2", "client 1 trace 1 span 2 parent 1", "cause of 5: " + want,
		}, h.told)
	}
}

func TestACauseIsFoundByItsTrace(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*protocol.Exchange)
		found  bool
	}{
		"within it":       {traced, true},
		"begun before it": {func(x *protocol.Exchange) { traced(x); x.Start = 9 }, false},
		"ended after it":  {func(x *protocol.Exchange) { traced(x); x.End = 101 }, false},
		"of another trace": {func(x *protocol.Exchange) {
			x.HTTP.TraceParent = []byte("00-00000000000000000000000000000001-00f067aa0ba902b7-01")
		}, false},
		"without a trace": {func(*protocol.Exchange) {}, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(8)
			h.call(1, 0, 503, test.change)
			h.serve(5, 502, traced)
			assert.Equal(t, test.found, len(h.told) == 3, h.told)
			assert.Equal(t, !test.found, h.Counts.Unknown.Load() == 1)
		})
	}
	h := newHost(8)
	h.call(1, 0, 503, traced)
	h.process = &procinfo.Process{PID: 8, Begun: 1}
	h.serve(5, 502, traced)
	assert.Len(t, h.told, 2, "of another process")
}

func TestAnUnknownProcessIsNotTheSameProcess(t *testing.T) {
	h := newHost(8)
	h.process = &procinfo.Process{Name: "app"}
	h.call(1, 0, 503, traced)
	h.serve(5, 502, traced)
	assert.Equal(t, []string{"client 1 trace 1 span 1 parent 0", "server 5 trace 2 span 2 parent 0"}, h.told)
	assert.EqualValues(t, 1, h.Counts.Unknown.Load())
	assert.Empty(t, h.traces.byKey)
}

// A call of gRPC fails by its own status, whatever that of HTTP is.
func TestACallOfGRPCFailsByItsStatus(t *testing.T) {
	for code, want := range map[uint8]string{14: "UNAVAILABLE", 5: "NOT_FOUND", 0: "", 0xff: ""} {
		for within := range uint32(2) { // by the trace, and by the kernel's word
			h := newHost(8)
			h.call(1, 5*within, 200, traced, func(x *protocol.Exchange) { x.Kind, x.RPC.Status = protocol.GRPC, code })
			h.serve(5, 502, traced)
			if want == "" {
				assert.Equal(t, []string{"client 1", "server 5 trace 1 span 1 parent 0"}, h.told)
				continue
			}
			assert.Equal(t, []string{
				"client 1 trace 1 span 1 parent 0", "server 5 trace 2 span 2 parent 0 link 1", "cause of 5: " + want,
			}, h.told)
		}
	}
	h := newHost(8)
	h.call(1, 0, 0, traced, func(x *protocol.Exchange) {
		x.Kind, x.RPC.Status, x.Failure = protocol.GRPC, 0xff, protocol.StreamReset(7)
	})
	h.call(2, 0, 503, traced, func(x *protocol.Exchange) { x.Kind, x.RPC.Status = protocol.GRPC, 0xff })
	h.serve(5, 502, traced)
	assert.Equal(t, []string{"cause of 5: refused_stream", "cause of 5: 503"}, h.told[3:])
}

func TestWhatWaitsIsBounded(t *testing.T) {
	h := newHost(2)
	for number := range uint32(5) {
		h.call(number+1, 5, 200)
	}
	assert.Len(t, h.told, 3)
	assert.EqualValues(t, 3, h.Counts.Unplaced.Load())
	h.Expire(time.Unix(59, 0))
	assert.Len(t, h.told, 3)
	h.Expire(time.Unix(60, 0))
	assert.Len(t, h.told, 5, "and does not wait for ever")
	assert.EqualValues(t, 5, h.Counts.Unplaced.Load())
	h.call(9, 6, 200)
	h.Close()
	assert.Len(t, h.told, 6)
	assert.Empty(t, h.groups)
	assert.Zero(t, h.waiting)
}

// TestOneThatWaitsKeepsNothingOfOthers has a call that waits in vain before many that do not.
func TestOneThatWaitsKeepsNothingOfOthers(t *testing.T) {
	const limit = 4
	h := newHost(limit)
	h.call(1, 1, 200)
	for number := uint32(2); number < 1000; number++ {
		h.call(number, number, 200)
		h.serve(number, 200)
	}
	assert.Equal(t, 1, h.order.Len())
	assert.Len(t, h.groups, 1)
	h.Expire(time.Unix(60, 0))
	assert.Zero(t, h.order.Len())
	assert.Empty(t, h.groups)
	assert.EqualValues(t, 1, h.Counts.Unplaced.Load())
}

func TestFailuresByTraceAreBounded(t *testing.T) {
	h := newHost(3)
	for number := range uint32(100) {
		h.call(number+1, 0, 503, traced)
	}
	assert.Len(t, h.traces.order, 3)
	for _, failures := range h.traces.byKey {
		assert.Len(t, failures, 3)
	}
}
