// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/http2"
)

// conversation is an HTTP/2 connection.
type conversation struct {
	tracker    *Tracker
	connection *connection
	readers    [2]*http2.Reader // the server's, the client's
	decoders   [2]*http2.Decoder
	aligned    [2]bool   // it is known where frames begin
	rest       [2]int    // bytes to come of a payload that records leave out
	tail       [2][]byte // the beginning of a frame header that the last record ended with
	ending     [2]uint32 // the stream whose last body frame may not be whole; 0: none
	newest     uint32    // the stream that the client opened last: each has a larger number than those before
	calls      map[uint32]*call
	record     *event.Stream // while it is read
	fields     http2.Fields  // scratch
}

// newConversation returns a connection from its beginning, or one that was joined, by one direction or both.
func newConversation(t *Tracker, c *connection, flags event.Flags) *conversation {
	v := &conversation{tracker: t, connection: c, calls: make(map[uint32]*call), aligned: [2]bool{true, true}}
	v.learn()
	if flags&(event.Guessed|event.FromServer) != 0 {
		v.restart(index(false))
	}
	if flags&event.Guessed != 0 {
		v.restart(index(true))
	}
	return v
}

// learn makes room for what is learned.
func (v *conversation) learn() {
	for i := range v.readers {
		v.readers[i] = http2.NewReader(v.tracker.settings.MaxHeaders, true)
		v.decoders[i] = http2.NewDecoder(v.tracker.settings.MaxHeaders)
	}
}

func (v *conversation) size() int {
	return v.readers[0].Size() + v.readers[1].Size() + v.decoders[0].Size() + v.decoders[1].Size() + callSize*len(v.calls)
}

func (*conversation) transient() bool { return false }

// client says whether a record is of the client's direction.
func client(r *event.Stream) bool { return r.Flags&event.FromServer == 0 }

func (v *conversation) done() bool { return false }

// lose begins a direction anew. Whatever is open may have been answered, or reset, in what was missed.
func (v *conversation) lose(r *event.Stream) {
	v.restart(index(client(r)))
	v.doubt()
}

func (v *conversation) doubt() {
	for _, k := range v.calls {
		k.doubtful = true
	}
}

// restart begins a direction anew, whose place is not known.
func (v *conversation) restart(i int) {
	v.readers[i].Restart()
	v.decoders[i].Forget()
	v.aligned[i], v.rest[i], v.tail[i], v.ending[i] = false, 0, v.tail[i][:0], 0
}

func (v *conversation) feed(r *event.Stream) {
	i := index(client(r))
	reader := v.readers[i]
	v.record = r
	raw := r.Flags&event.Raw != 0
	switch {
	case raw && !v.aligned[i]:
		return
	case raw:
		if reader.Elided {
			reader.Elide(false, v.rest[i])
			v.read(i, v.tail[i])
		}
		v.read(i, r.Captured)
		if reader.Rest() == 0 {
			v.bodyEnd(i)
		}
		return
	case r.Flags&event.Guessed != 0:
		if v.aligned[i] && !reader.AtFrame() {
			v.tracker.Counts.Malformed.Add(1)
		}
		if !v.aligned[i] || !reader.AtFrame() {
			v.restart(i)
		}
		v.aligned[i] = true
	case !v.aligned[i]:
		return // what a record before this one began was missed
	}
	reader.Elide(true, 0)
	if r.Flags&event.BodyEnd != 0 {
		v.bodyEnd(i)
	}
	whole := len(r.Captured) - r.Tail
	v.read(i, r.Captured[:whole])
	v.tail[i] = append(v.tail[i][:0], r.Captured[whole:]...)
	v.rest[i] = int(r.Rest)
	if !r.Ending {
		v.bodyEnd(i)
	}
}

// read reads bytes of a direction.
func (v *conversation) read(i int, input []byte) {
	if err := v.readers[i].Feed(input, v.frame); err != nil {
		v.tracker.Counts.Malformed.Add(1)
		v.restart(i)
	}
}

// bodyEnd ends the stream whose last body frame has come to its end, if there is one.
func (v *conversation) bodyEnd(i int) {
	id := v.ending[i]
	v.ending[i] = 0
	if k := v.calls[id]; k != nil && id != 0 {
		v.touch(k)
		if i == index(false) {
			v.answered(k)
		}
	}
}

// answered closes a call whose response has come to its end.
func (v *conversation) answered(k *call) {
	if k.doubtful && k.status == 0 {
		v.drop(k) // its head was in what was missed
		return
	}
	v.close(k, v.record.Time, protocol.None)
}

// miss forgets all calls, since what becomes of them is not told.
func (v *conversation) miss() {
	for _, k := range v.calls {
		v.drop(k)
	}
}

// drop forgets a call whose outcome was missed.
func (v *conversation) drop(k *call) {
	v.tracker.Counts.Missed.Add(1)
	delete(v.calls, k.id)
	v.tracker.freeCall(k)
}

// cut closes a call whose response has not come to its end by a time, as far as is known. Where that may have been missed,
// it has lasted until it was last seen, and is no failure.
func (v *conversation) cut(k *call, now uint64, how protocol.Failure) {
	switch {
	case k.doubtful && k.status == 0:
		v.drop(k)
	case k.doubtful:
		v.close(k, k.last, protocol.None)
	default:
		v.close(k, now, how)
	}
}

// frame takes one frame of the record that is read. The one before it is whole.
func (v *conversation) frame(f *http2.Frame) {
	v.bodyEnd(index(client(v.record)))
	switch f.Type {
	case http2.Headers:
		v.headers(f)
	case http2.PushPromise:
		v.decode(f)
		v.tracker.Counts.Pushed.Add(1)
	case http2.Data:
		v.body(f)
	case http2.Reset:
		if k := v.calls[f.Stream]; k != nil {
			v.close(k, v.record.Time, protocol.StreamReset(f.Code))
		}
	case http2.GoAway:
		v.goAway(f)
	}
}

// decode reads the fields of a header block; what cannot be read is absent.
func (v *conversation) decode(f *http2.Frame) *http2.Fields {
	v.fields = http2.Fields{Names: v.tracker.settings.ResponseFields, Taken: v.fields.Taken[:0]}
	if client(v.record) {
		v.fields.Names = v.tracker.settings.RequestFields
	}
	counts := &v.tracker.Counts
	if err := v.decoders[index(client(v.record))].Decode(f.Block, f.Cut, &v.fields); err != nil {
		counts.Malformed.Add(1)
	}
	if f.Cut {
		counts.CutHeaders.Add(1)
	}
	if v.fields.Unknown > 0 {
		counts.UnknownFields.Add(int64(v.fields.Unknown))
	}
	return &v.fields
}

// headers takes a request, a response, or trailers of either.
func (v *conversation) headers(f *http2.Frame) {
	fields := v.decode(f)
	k := v.calls[f.Stream]
	if client(v.record) {
		if k == nil && f.Stream <= v.newest {
			return // trailers of a request that was answered, or reset, before it was whole
		}
		v.newest = max(v.newest, f.Stream)
		if k == nil && !fields.Head && fields.Unknown == 0 && !f.Cut {
			return // trailers of a request from before the receiver, or from within a gap
		}
		if k == nil {
			v.tracker.Counts.Requests.Add(1)
			k = v.tracker.newCall(v, f.Stream, fields, v.record.Time)
			k.scale = v.record.Scale
			v.calls[f.Stream] = k
		}
		k.sent += uint64(http2.HeaderSize + len(f.Block))
		v.touch(k)
		return
	}
	if k == nil {
		if f.Stream%2 == 1 && fields.Status != 0 {
			v.tracker.Counts.Unmatched.Add(1)
		}
		return // one that the server opened, or the rest of one that was closed or not seen
	}
	k.received += uint64(http2.HeaderSize + len(f.Block))
	k.answer(fields, v.record.Time)
	v.touch(k)
	if f.EndStream {
		v.answered(k)
	}
}

// body takes a part of a body.
func (v *conversation) body(f *http2.Frame) {
	k := v.calls[f.Stream]
	if k == nil {
		return
	}
	v.touch(k)
	fromClient := client(v.record)
	if fromClient {
		k.sent += uint64(http2.HeaderSize + f.Length)
	} else {
		k.received += uint64(http2.HeaderSize + f.Length)
	}
	if f.EndStream {
		v.ending[index(fromClient)] = f.Stream // once all of the frame has passed
	}
}

// goAway ends the streams that the server will not answer (RFC 9113 section 6.8).
func (v *conversation) goAway(f *http2.Frame) {
	if client(v.record) {
		return
	}
	for id, k := range v.calls {
		if id > f.Stream {
			v.close(k, v.record.Time, protocol.StreamReset(http2.RefusedStream))
		}
	}
}

// touch notes that a call goes on.
func (v *conversation) touch(k *call) {
	k.last = v.record.Time
	v.tracker.calls.MoveToBack(k.element)
}

func (v *conversation) end(r *event.Stream) {
	if r.Flags&event.Rested != 0 {
		v.miss()
		return
	}
	if r.Flags&event.Gap != 0 {
		v.doubt()
	}
	for _, k := range v.calls {
		v.cut(k, r.Time, failure(r.Flags))
	}
}

// timeout closes a call that was quiet for too long. One that was answered has not failed.
func (v *conversation) timeout(k *call) {
	v.cut(k, k.last, protocol.Timeout)
}

func (v *conversation) abandon() {
	for _, k := range v.calls {
		v.tracker.Counts.Evicted.Add(1)
		v.close(k, k.last, protocol.None)
	}
	v.learn()
	for i := range v.readers {
		v.restart(i)
	}
}

func (v *conversation) forget() {
	for _, k := range v.calls {
		v.tracker.freeCall(k)
	}
	clear(v.calls)
}

// close gives a call to the sink and forgets it.
func (v *conversation) close(k *call, now uint64, how protocol.Failure) {
	v.connection.tell(k, now, how)
	delete(v.calls, k.id)
	v.tracker.freeCall(k)
}
