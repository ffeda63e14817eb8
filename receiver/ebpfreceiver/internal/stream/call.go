// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/grpc"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/http2"
)

// caller is a connection that has calls.
type caller interface {
	// timeout closes one that was quiet for too long.
	timeout(k *call)
	// close gives one to the sink and forgets it.
	close(k *call, now uint64, how protocol.Failure)
}

// call is one stream of an HTTP/2 connection, or a pipelined request: a request and what is known of its response.
type call struct {
	of       caller
	place    place[call]         // among all calls
	request  http2.Values        // and the memory of what was taken
	taken    [2][]protocol.Field // of the request, of the response
	start    uint64              // CLOCK_MONOTONIC ns of the request's first byte
	first    uint64              // of the final response's; 0: not seen
	last     uint64              // of the last frame
	sent     uint64              // bytes of the request's frames
	received uint64              // of the response's
	id       uint32              // of its stream; of a pipelined request the sequence number
	gaps     uint32              // of its connection, when the request or the response began: more since then, and something may be missing
	status   uint16
	code     grpc.Status
	rpc      bool
	minor    uint8 // of HTTP/1
	scale    uint8 // log2 of how many connections one was followed of when the request came
	kind     protocol.Kind
	cut      bool // the end of the request's target was not seen
}

// callSize is how many bytes a call takes, about, without its text.
const callSize = 384

// maxFree bounds how many calls are kept for reuse.
const maxFree = 1024

// newCall opens a call whose request has these fields, of which names were asked for.
func (t *Tracker) newCall(of caller, id uint32, fields *http2.Fields, names []string, now uint64) *call {
	var k *call
	if n := len(t.free); n > 0 {
		k, t.free = t.free[n-1], t.free[:n-1]
	} else {
		k = &call{}
	}
	k.of, k.id, k.start, k.last = of, id, now, now
	k.first, k.sent, k.received, k.status, k.gaps = 0, 0, 0, 0, 0
	k.kind, k.minor, k.scale, k.cut = protocol.HTTP2, 0, 0, false
	k.code, k.rpc = grpc.Absent, grpc.Is(fields.Get(http2.ContentType))
	k.request.Copy(&fields.Values)
	for message := range k.taken {
		k.taken[message] = k.taken[message][:0]
	}
	k.take(0, fields, names)
	t.calls.add(&k.place, k, now)
	t.Counts.Open.Store(int64(t.calls.length))
	if t.calls.length > t.settings.MaxOpen {
		t.Counts.Evicted.Add(1)
		oldest := t.calls.first()
		oldest.of.close(oldest, oldest.last, protocol.None)
	}
	return k
}

// freeCall forgets a call.
func (t *Tracker) freeCall(k *call) {
	t.calls.remove(&k.place)
	t.Counts.Open.Store(int64(t.calls.length))
	if len(t.free) < maxFree {
		k.of = nil
		t.free = append(t.free, k)
	}
}

// take copies the fields of a message that were asked for by these names.
func (k *call) take(message int, f *http2.Fields, names []string) {
	for _, field := range f.Taken {
		k.taken[message] = append(k.taken[message], protocol.Field{Name: names[field.Name], Value: k.request.Keep(field.Value)})
	}
}

// answer takes in the fields of a response, or of its trailers; of its connection, so many gaps were seen.
func (k *call) answer(f *http2.Fields, names []string, now uint64, gaps uint32) {
	switch {
	case k.status != 0: // trailers
	case f.Status/100 == 1:
		return // an interim response: the final one is still to come
	default:
		k.status, k.first = f.Status, now
		if f.Status != 0 {
			k.gaps = gaps
		}
		k.rpc = k.rpc || grpc.Is(f.Get(http2.ContentType))
		k.take(1, f, names)
	}
	if code := grpc.ParseStatus(f.Get(http2.GRPCStatus)); code != grpc.Absent {
		k.code = code
	}
}

// fill writes the call to x, whose other fields are zero.
func (k *call) fill(x *protocol.Exchange) {
	x.RequestBytes, x.ResponseBytes, x.Scale = k.sent, k.received, k.scale
	r, h := &k.request, &x.HTTP
	x.Kind, x.Pipelined, x.Place = k.kind, k.kind == protocol.HTTP1, k.id
	h.Method, h.Target, h.Scheme, h.UserAgent = r.Get(http2.Method), r.Get(http2.Path), r.Get(http2.Scheme), r.Get(http2.UserAgent)
	h.TraceParent, h.TraceState = r.Get(http2.TraceParent), r.Get(http2.TraceState)
	h.B3, h.B3TraceID, h.B3SpanID = r.Get(http2.B3), r.Get(http2.B3TraceID), r.Get(http2.B3SpanID)
	h.B3Sampled = r.Get(http2.B3Sampled)
	h.RequestFields, h.ResponseFields = k.taken[0], k.taken[1]
	h.Status, h.Minor, h.TargetCut = k.status, k.minor, k.cut
	if h.Host = r.Get(http2.Authority); h.Host == nil {
		h.Host = r.Get(http2.Host)
	}
	if !k.rpc {
		return
	}
	x.Kind = protocol.GRPC
	x.RPC.Status = uint8(k.code)
	if method, ok := grpc.Method(h.Target); ok {
		x.RPC.Method = method
	}
}
