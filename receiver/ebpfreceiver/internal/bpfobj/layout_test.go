// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"net/netip"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bytesOf views a value as the kernel would write it.
func bytesOf[T any](value *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(value)), unsafe.Sizeof(*value))
}

// TestEventDecodesTheGeneratedLayout fills the struct generated from the C header and reads it back through package
// event, so that a changed header cannot leave the decoder behind.
func TestEventDecodesTheGeneratedLayout(t *testing.T) {
	record := socketEventExchange{
		Event: socketEvent{
			Cookie: 1, TimeNs: 2, ResponseBytes: 3, Exchange: 4,
			Kind: uint8(socketEventKindEVENT_EXCHANGE), Side: uint8(socketEventSideSIDE_CLIENT), Flags: uint8(socketEventFlagFLAG_GAP),
			Detail: 10,
		},
		RequestNs: 5, RequestBytes: 6, PreviousNs: 7, PreviousBytes: 8, CgroupId: 9,
		Owner:     socketOwner{CreatedNs: 10, Pid: 11, Inherited: 1, Comm: [16]byte{'n', 'g', 'i', 'n', 'x'}},
		LocalPort: 12, PeerPort: 13, RequestLen: 3, ResponseLen: 4,
		Threshold: 14,
	}
	record.LocalAddress = [16]byte{10: 0xff, 11: 0xff, 12: 127, 15: 1}
	record.PeerAddress = [16]byte{0: 0xfe, 1: 0x80, 15: 2}
	var e event.Event
	require.NoError(t, e.Decode(append(bytesOf(&record), "GETHTTP"...)))
	assert.EqualValues(t, 1, e.Cookie)
	assert.EqualValues(t, 2, e.Time)
	assert.EqualValues(t, 3, e.ResponseBytes)
	assert.EqualValues(t, 4, e.Number)
	assert.Equal(t, event.Exchange, e.Kind)
	assert.True(t, e.Client)
	assert.Equal(t, event.Gap, e.Flags)
	assert.EqualValues(t, 5, e.RequestTime)
	assert.EqualValues(t, 6, e.RequestBytes)
	assert.EqualValues(t, 7, e.PreviousTime)
	assert.EqualValues(t, 8, e.PreviousBytes)
	assert.EqualValues(t, 9, e.CgroupID)
	assert.Equal(t, event.Owner{Created: 10, PID: 11, Comm: [16]byte{'n', 'g', 'i', 'n', 'x'}, Inherited: true}, e.Owner)
	assert.Equal(t, "127.0.0.1:12", e.Local.String())
	assert.Equal(t, "[fe80::2]:13", e.Peer.String())
	assert.EqualValues(t, 14, e.Threshold)
	assert.EqualValues(t, 10, e.Scale)
	assert.Equal(t, "GET", string(e.Request))
	assert.Equal(t, "HTTP", string(e.ResponseHead))

	response := socketEventResponse{Event: socketEvent{Kind: uint8(socketEventKindEVENT_RESPONSE)}, ResponseLen: 4}
	require.NoError(t, e.Decode(append(bytesOf(&response), "HTTP"...)))
	assert.Equal(t, "HTTP", string(e.ResponseHead))

	process := socketEventProcess{
		Event: socketEvent{Kind: uint8(socketEventKindEVENT_PROCESS), TimeNs: 9}, Owner: socketOwner{CreatedNs: 9, Pid: 11},
	}
	require.NoError(t, e.Decode(bytesOf(&process)))
	assert.Equal(t, event.Event{Kind: event.Process, Time: 9, Owner: event.Owner{Created: 9, PID: 11}}, e)
	require.Error(t, e.Decode(bytesOf(&process)[:60]))

	within := socketEventWithin{
		Event: socketEvent{Kind: uint8(socketEventKindEVENT_WITHIN), Cookie: 1, Exchange: 2}, Cookie: 3, Exchange: 4,
	}
	require.NoError(t, e.Decode(bytesOf(&within)))
	assert.Equal(t, event.Event{Kind: event.Within, Cookie: 1, Number: 2, Within: event.ID{Cookie: 3, Number: 4}}, e)
	require.Error(t, e.Decode(bytesOf(&within)[:47]))
}

func TestConnectionDecodesTheGeneratedLayout(t *testing.T) {
	record := socketEventTcp{
		Event:    socketEvent{Cookie: 1, TimeNs: 2, Kind: uint8(socketEventKindEVENT_TCP), Side: uint8(socketEventSideSIDE_CLIENT)},
		OpenedNs: 3, EstablishedNs: 4, Received: 5, Sent: 6, Retransmits: 8, SrttUs: 9,
		Owner:     socketOwner{CreatedNs: 10, Pid: 11},
		LocalPort: 12, PeerPort: 13, End: uint8(socketTcpEndTCP_END_RESET_PEER),
		WithinCookie: 14, WithinExchange: 15,
	}
	record.LocalAddress = [16]byte{10: 0xff, 11: 0xff, 12: 127, 15: 1}
	record.PeerAddress = [16]byte{0: 0xfe, 1: 0x80, 15: 2}
	var c event.Connection
	require.Equal(t, event.TCP, event.KindOf(bytesOf(&record)))
	require.NoError(t, c.Decode(bytesOf(&record)))
	assert.Equal(t, event.Connection{
		Cookie: 1, Time: 2, Opened: 3, Established: 4, Received: 5, Sent: 6, Retransmits: 8, SRTT: 9,
		Owner: event.Owner{Created: 10, PID: 11}, Within: event.ID{Cookie: 14, Number: 15}, Cause: event.ResetByPeer, Client: true,
		Local: netip.MustParseAddrPort("127.0.0.1:12"), Peer: netip.MustParseAddrPort("[fe80::2]:13"),
	}, c)
	require.Error(t, c.Decode(bytesOf(&record)[:159]))
}

func TestEventKnowsTheCauses(t *testing.T) {
	assert.EqualValues(t, socketTcpEndTCP_END_ORDERLY, event.Orderly)
	assert.EqualValues(t, socketTcpEndTCP_END_REFUSED, event.Refused)
	assert.EqualValues(t, socketTcpEndTCP_END_TIMED_OUT, event.TimedOut)
	assert.EqualValues(t, socketTcpEndTCP_END_UNREACHABLE, event.Unreachable)
	assert.EqualValues(t, socketTcpEndTCP_END_CANCELLED, event.Cancelled)
	assert.EqualValues(t, socketTcpEndTCP_END_RESET_PEER, event.ResetByPeer)
	assert.EqualValues(t, socketTcpEndTCP_END_RESET_LOCAL, event.ResetByHost)
}

// TestStreamDecodesTheGeneratedLayout is the same for the records of streams.
func TestStreamDecodesTheGeneratedLayout(t *testing.T) {
	record := socketEventStream{
		Cookie: 1, TimeNs: 2, From: 3, To: 4, Kind: uint8(socketEventKindEVENT_STREAM),
		Side: uint8(socketEventSideSIDE_CLIENT), Flags: uint8(socketEventFlagFLAG_GUESSED),
		Protocol: uint8(socketStreamProtocolSTREAM_TLS), Captured: 4, Rest: 5, Tail: 2, Ending: 1, Scale: 6,
	}
	var s event.Stream
	require.NoError(t, s.Decode(append(bytesOf(&record), "data, and room"...)))
	assert.Equal(t, event.Stream{
		Cookie: 1, Time: 2, From: 3, To: 4, Kind: event.StreamData, Client: true, Flags: event.Guessed,
		Protocol: event.TLS, Rest: 5, Tail: 2, Ending: true, Scale: 6, Captured: []byte("data"),
	}, s)
	record.Tail = 5
	require.Error(t, s.Decode(append(bytesOf(&record), "data"...)))

	open := socketEventExchange{Event: socketEvent{
		Cookie: 5, Kind: uint8(socketEventKindEVENT_STREAM_OPEN), Detail: uint8(socketStreamProtocolSTREAM_HTTP2),
	}}
	var e event.Event
	require.NoError(t, e.Decode(bytesOf(&open)))
	assert.Equal(t, event.HTTP2, e.Protocol)
	assert.Equal(t, event.StreamOpen, event.KindOf(bytesOf(&open)))
}

func TestEventKnowsTheGeneratedValues(t *testing.T) {
	assert.EqualValues(t, socketEventKindEVENT_EXCHANGE, event.Exchange)
	assert.EqualValues(t, socketEventKindEVENT_RESPONSE, event.Response)
	assert.EqualValues(t, socketEventKindEVENT_PROGRESS, event.Progress)
	assert.EqualValues(t, socketEventKindEVENT_END, event.End)
	assert.EqualValues(t, socketEventKindEVENT_PROCESS, event.Process)
	assert.EqualValues(t, socketEventKindEVENT_TCP, event.TCP)
	assert.EqualValues(t, socketEventKindEVENT_WITHIN, event.Within)
	assert.EqualValues(t, socketEventFlagFLAG_CHUNK_END, event.ChunkEnd)
	assert.EqualValues(t, socketEventFlagFLAG_FIN, event.Fin)
	assert.EqualValues(t, socketEventFlagFLAG_RESET, event.Reset)
	assert.EqualValues(t, socketEventFlagFLAG_TIMEOUT, event.Timeout)
	assert.EqualValues(t, socketEventFlagFLAG_GAP, event.Gap)
	assert.EqualValues(t, socketEventFlagFLAG_GIVEN_UP, event.GivenUp)
	assert.EqualValues(t, socketEventKindEVENT_STREAM_OPEN, event.StreamOpen)
	assert.EqualValues(t, socketEventFlagFLAG_RESTED, event.Rested)
	assert.EqualValues(t, socketEventKindEVENT_STREAM, event.StreamData)
	assert.EqualValues(t, socketEventKindEVENT_STREAM_END, event.StreamEnd)
	assert.EqualValues(t, socketEventFlagFLAG_RESPONSE, event.FromServer)
	assert.EqualValues(t, socketEventFlagFLAG_RAW, event.Raw)
	assert.EqualValues(t, socketEventFlagFLAG_GUESSED, event.Guessed)
	assert.EqualValues(t, socketEventFlagFLAG_BODY_END, event.BodyEnd)
	assert.EqualValues(t, socketStreamProtocolSTREAM_HTTP2, event.HTTP2)
	assert.EqualValues(t, socketStreamProtocolSTREAM_TLS, event.TLS)
}

// TestEveryCounterHasAName keeps a counter that C adds from being forgotten in the telemetry.
func TestEveryCounterHasAName(t *testing.T) {
	named := map[socketCounter]bool{
		socketCounterCOUNTER_REQUESTS: true, socketCounterCOUNTER_THINNED: true, socketCounterCOUNTER_RESTED: true, socketCounterCOUNTER_SWEPT: true,
		socketCounterCOUNTER_ROUND_TRIPS: true,
	}
	for _, group := range [][]counterName{lostReasons(), offReasons(), degradedReasons()} {
		for _, c := range group {
			assert.False(t, named[c.counter], c.reason)
			named[c.counter] = true
		}
	}
	assert.Len(t, named, int(socketCounterCOUNTER_MAX))
}

// TestStructsHaveTheSizesOfTheObject compares the generated Go structs with the BTF of the object that is embedded.
func TestStructsHaveTheSizesOfTheObject(t *testing.T) {
	spec, err := loadSocket()
	require.NoError(t, err)
	for name, size := range map[string]uintptr{
		"event":          unsafe.Sizeof(socketEvent{}),
		"event_response": unsafe.Sizeof(socketEventResponse{}),
		"event_process":  unsafe.Sizeof(socketEventProcess{}),
		"event_within":   unsafe.Sizeof(socketEventWithin{}),
		"event_tcp":      unsafe.Sizeof(socketEventTcp{}),
		"tcp_key":        unsafe.Sizeof(socketTcpKey{}),
		"tcp_row":        unsafe.Sizeof(socketTcpRow{}),
		"event_exchange": unsafe.Sizeof(socketEventExchange{}),
		"event_stream":   unsafe.Sizeof(socketEventStream{}),
		"stream":         unsafe.Sizeof(socketStream{}),
		"owner":          unsafe.Sizeof(socketOwner{}),
		"series_key":     unsafe.Sizeof(socketSeriesKey{}),
		"series":         unsafe.Sizeof(socketSeries{}),
		"address_prefix": unsafe.Sizeof(socketAddressPrefix{}),
		"port_sets":      unsafe.Sizeof(socketPortSets{}),
	} {
		var found *btf.Struct
		require.NoError(t, spec.Types.TypeByName(name, &found))
		assert.EqualValues(t, found.Size, size, name)
	}
}

func TestTheObjectNeedsOnlyHooksOfTheDefaultPath(t *testing.T) {
	spec, err := loadSocket()
	require.NoError(t, err)
	allowed := map[ebpf.ProgramType]bool{ebpf.CGroupSKB: true, ebpf.CGroupSock: true, ebpf.CGroupSockAddr: true, ebpf.SockOps: true}
	for name, program := range spec.Programs {
		assert.True(t, allowed[program.Type], "%s is of type %s", name, program.Type)
		assert.Equal(t, "Dual BSD/GPL", program.License)
	}
	assert.Len(t, spec.Programs, 24)
}
