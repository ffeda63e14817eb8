// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"container/list"

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
	element  *list.Element
	text     []byte              // what the slices of request and taken are parts of
	taken    [2][]protocol.Field // of the request, of the response
	request  http2.Fields        // of the request
	start    uint64              // CLOCK_MONOTONIC ns of the request's first byte
	first    uint64              // of the final response's; 0: not seen
	last     uint64              // of the last frame
	sent     uint64              // bytes of the request's frames
	received uint64              // of the response's
	id       uint32
	status   uint16
	code     grpc.Status
	rpc      bool
	minor    uint8 // of HTTP/1
	scale    uint8 // log2 of how many connections one was followed of when the request came
	kind     protocol.Kind
	cut      bool // the end of the request's target was not seen
	doubtful bool // something was missed since the request, and no response has begun since then
}

// callSize is how many bytes a call takes, about, without its text.
const callSize = 512

// maxFree bounds how many calls are kept for reuse.
const maxFree = 1024

// newCall opens a call whose request has these fields.
func (t *Tracker) newCall(of caller, id uint32, fields *http2.Fields, now uint64) *call {
	k := &call{}
	if n := len(t.free); n > 0 {
		k, t.free = t.free[n-1], t.free[:n-1]
	}
	taken := [2][]protocol.Field{k.taken[0][:0], k.taken[1][:0]}
	*k = call{of: of, id: id, text: k.text[:0], taken: taken, start: now, last: now, kind: protocol.HTTP2, code: grpc.Absent, rpc: grpc.Is(fields.ContentType)}
	k.keep(fields)
	k.element = t.calls.PushBack(k)
	t.Counts.Open.Store(int64(t.calls.Len()))
	if t.calls.Len() > t.settings.MaxOpen {
		t.Counts.Evicted.Add(1)
		oldest := t.calls.Front().Value.(*call)
		oldest.of.close(oldest, oldest.last, protocol.None)
	}
	return k
}

// freeCall forgets a call.
func (t *Tracker) freeCall(k *call) {
	t.calls.Remove(k.element)
	t.Counts.Open.Store(int64(t.calls.Len()))
	if len(t.free) < maxFree {
		k.of = nil
		t.free = append(t.free, k)
	}
}

// keep copies what is needed of the request's fields.
func (k *call) keep(f *http2.Fields) {
	k.request = *f
	kept := [...]*[]byte{
		&k.request.Method, &k.request.Scheme, &k.request.Authority, &k.request.Path, &k.request.Host, &k.request.UserAgent,
		&k.request.TraceParent, &k.request.TraceState, &k.request.B3, &k.request.B3TraceID, &k.request.B3SpanID,
		&k.request.B3Sampled,
	}
	k.request.ContentType, k.request.GRPCStatus, k.request.Names, k.request.Taken = nil, nil, nil, nil
	total := 0
	for _, value := range kept {
		total += len(*value)
	}
	if cap(k.text) < total {
		k.text = make([]byte, 0, total)
	}
	for _, value := range kept {
		if *value == nil {
			continue
		}
		from := len(k.text)
		k.text = append(k.text, *value...)
		*value = k.text[from:len(k.text):len(k.text)]
	}
	k.take(0, f)
}

// take copies the fields of a message that were asked for. Text that was copied before stays where it is.
func (k *call) take(message int, f *http2.Fields) {
	for _, field := range f.Taken {
		from := len(k.text)
		k.text = append(k.text, field.Value...)
		k.taken[message] = append(k.taken[message], protocol.Field{
			Name: f.Names[field.Name], Value: k.text[from:len(k.text):len(k.text)],
		})
	}
}

// answer takes in the fields of a response, or of its trailers.
func (k *call) answer(f *http2.Fields, now uint64) {
	switch {
	case k.status != 0: // trailers
	case f.Status/100 == 1:
		return // an interim response: the final one is still to come
	default:
		k.status, k.first = f.Status, now
		k.doubtful = k.doubtful && f.Status == 0
		k.rpc = k.rpc || grpc.Is(f.ContentType)
		k.take(1, f)
	}
	if code := grpc.ParseStatus(f.GRPCStatus); code != grpc.Absent {
		k.code = code
	}
}

// fill writes the call to x.
func (k *call) fill(x *protocol.Exchange) {
	x.RequestBytes, x.ResponseBytes, x.Scale = k.sent, k.received, k.scale
	r := &k.request
	x.Kind, x.Pipelined = k.kind, k.kind == protocol.HTTP1
	if !x.Pipelined {
		x.Stream = k.id
	}
	x.HTTP = protocol.HTTP{
		Method: r.Method, Target: r.Path, Scheme: r.Scheme, Host: r.Authority, UserAgent: r.UserAgent,
		TraceParent: r.TraceParent, TraceState: r.TraceState,
		B3: r.B3, B3TraceID: r.B3TraceID, B3SpanID: r.B3SpanID, B3Sampled: r.B3Sampled, Status: k.status,
		RequestFields: k.taken[0], ResponseFields: k.taken[1], Minor: k.minor, TargetCut: k.cut,
	}
	if r.Authority == nil {
		x.HTTP.Host = r.Host
	}
	if !k.rpc {
		return
	}
	x.Kind = protocol.GRPC
	x.RPC = protocol.RPC{Status: uint8(k.code)}
	if method, ok := grpc.Method(r.Path); ok {
		x.RPC.Method = method
	}
}
