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
	record     *event.Stream // while it is read
	halves     [2]half       // the server's, the client's
	newest     uint32        // the stream that the client opened last: each has a larger number than those before
	gaps       uint32        // places where something was missed
	latest     *call         // that was opened last, if it still is
	recent     *call         // that was looked for last, if it still is open
	others     map[uint32]*call
}

// half is one direction of it.
type half struct {
	reader  http2.Reader
	decoder http2.Decoder
	tail    []byte // the beginning of a frame header that the last record ended with
	rest    int    // bytes to come of a payload that records leave out
	kept    int    // bytes that reader and decoder keep
	ending  uint32 // the stream whose last body frame may not be whole; 0: none
	aligned bool   // it is known where frames begin
}

// newConversation returns a connection from its beginning, or one that was joined, by one direction or both.
func newConversation(t *Tracker, c *connection, flags event.Flags) *conversation {
	v := &conversation{tracker: t, connection: c}
	v.learn()
	if flags&(event.Guessed|event.FromServer) != 0 {
		v.restart(index(false))
	}
	if flags&event.Guessed != 0 {
		v.restart(index(true))
	}
	return v
}

// learn makes room for what is learned, and forgets what was.
func (v *conversation) learn() {
	for i := range v.halves {
		v.halves[i] = half{
			reader:  *http2.NewReader(v.tracker.settings.MaxHeaders, true),
			decoder: *http2.NewDecoder(v.tracker.settings.MaxHeaders, v.tracker.names[i]),
			aligned: true,
		}
	}
}

func (v *conversation) size() int { return v.halves[0].kept + v.halves[1].kept + callSize*v.count() }

func (*conversation) transient() bool { return false }

// client says whether a record is of the client's direction.
func client(r *event.Stream) bool { return r.Flags&event.FromServer == 0 }

func (v *conversation) done() bool { return false }

// lose begins a direction anew. Whatever is open may have been answered, or reset, in what was missed.
func (v *conversation) lose(r *event.Stream) {
	v.restart(index(client(r)))
	v.gaps++
}

// doubtful says that something was missed since the request of a call, and no response has begun since then.
func (v *conversation) doubtful(k *call) bool { return k.gaps != v.gaps }

// restart begins a direction anew, whose place is not known.
func (v *conversation) restart(i int) {
	h := &v.halves[i]
	h.reader.Restart()
	h.decoder.Forget()
	h.aligned, h.rest, h.tail, h.ending = false, 0, h.tail[:0], 0
}

func (v *conversation) feed(r *event.Stream) {
	v.record = r
	i := index(client(r))
	h := &v.halves[i]
	v.follow(i, h, r)
	h.kept = h.reader.Size() + h.decoder.Size()
}

// follow reads the bytes of a record.
func (v *conversation) follow(i int, h *half, r *event.Stream) {
	raw := r.Flags&event.Raw != 0
	switch {
	case raw && !h.aligned:
		return
	case raw:
		if h.reader.Elided {
			h.reader.Elide(false, h.rest)
			v.read(i, h.tail)
		}
		v.read(i, r.Captured)
		if h.reader.Rest() == 0 {
			v.bodyEnd(i)
		}
		return
	case r.Flags&event.Guessed != 0:
		if h.aligned && !h.reader.AtFrame() {
			v.tracker.Counts.Malformed.Add(1)
		}
		if !h.aligned || !h.reader.AtFrame() {
			v.restart(i)
		}
		h.aligned = true
	case !h.aligned:
		return // what a record before this one began was missed
	}
	h.reader.Elide(true, 0)
	if r.Flags&event.BodyEnd != 0 {
		v.bodyEnd(i)
	}
	whole := len(r.Captured) - r.Tail
	v.read(i, r.Captured[:whole])
	h.tail = append(h.tail[:0], r.Captured[whole:]...)
	h.rest = int(r.Rest)
	if !r.Ending {
		v.bodyEnd(i)
	}
}

// read reads bytes of a direction.
func (v *conversation) read(i int, input []byte) {
	if err := v.halves[i].reader.Feed(input, v.frame); err != nil {
		v.tracker.Counts.Malformed.Add(1)
		v.restart(i)
	}
}

// bodyEnd ends the stream whose last body frame has come to its end, if there is one.
func (v *conversation) bodyEnd(i int) {
	id := v.halves[i].ending
	if id == 0 {
		return
	}
	v.halves[i].ending = 0
	if k := v.call(id); k != nil {
		v.touch(k)
		if i == index(false) {
			v.answered(k)
		}
	}
}

// answered closes a call whose response has come to its end.
func (v *conversation) answered(k *call) {
	if v.doubtful(k) && k.status == 0 {
		v.drop(k) // its head was in what was missed
		return
	}
	v.close(k, v.record.Time, protocol.None)
}

// miss forgets all calls, since what becomes of them is not told.
func (v *conversation) miss() {
	for k := range v.calls() {
		v.drop(k)
	}
}

// drop forgets a call whose outcome was missed.
func (v *conversation) drop(k *call) {
	v.tracker.Counts.Missed.Add(1)
	v.forgetCall(k)
}

// cut closes a call whose response has not come to its end by a time, as far as is known. Where that may have been missed,
// it has lasted until it was last seen, and is no failure.
func (v *conversation) cut(k *call, now uint64, how protocol.Failure) {
	switch {
	case v.doubtful(k) && k.status == 0:
		v.drop(k)
	case v.doubtful(k):
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
		if k := v.call(f.Stream); k != nil {
			v.close(k, v.record.Time, protocol.StreamReset(f.Code))
		}
	case http2.GoAway:
		v.goAway(f)
	}
}

// decode reads the fields of a header block; what cannot be read is absent.
func (v *conversation) decode(f *http2.Frame) *http2.Fields {
	fields, counts := &v.tracker.fields, &v.tracker.Counts
	if err := v.halves[index(client(v.record))].decoder.Decode(f.Block, f.Cut, fields); err != nil {
		counts.Malformed.Add(1)
	}
	if f.Cut {
		counts.CutHeaders.Add(1)
	}
	if fields.Unknown > 0 {
		counts.UnknownFields.Add(int64(fields.Unknown))
	}
	return fields
}

// headers takes a request, a response, or trailers of either.
func (v *conversation) headers(f *http2.Frame) {
	fields := v.decode(f)
	k := v.call(f.Stream)
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
			k = v.tracker.newCall(v, f.Stream, fields, v.tracker.settings.RequestFields, v.record.Time)
			k.gaps, k.scale = v.gaps, v.record.Scale
			if v.connection.late {
				k.gaps-- // its response may be among the unmatched
			}
			v.open(k)
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
	k.answer(fields, v.tracker.settings.ResponseFields, v.record.Time, v.gaps)
	v.touch(k)
	if f.EndStream {
		v.answered(k)
	}
}

// body takes a part of a body.
func (v *conversation) body(f *http2.Frame) {
	k := v.call(f.Stream)
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
		v.halves[index(fromClient)].ending = f.Stream // once all of the frame has passed
	}
}

// goAway ends the streams that the server will not answer (RFC 9113 section 6.8).
func (v *conversation) goAway(f *http2.Frame) {
	if client(v.record) {
		return
	}
	for k := range v.calls() {
		if k.id > f.Stream {
			v.close(k, v.record.Time, protocol.StreamReset(http2.RefusedStream))
		}
	}
}

// touch notes that a call goes on.
func (v *conversation) touch(k *call) {
	k.last = v.record.Time
	v.tracker.calls.touch(&k.place, k.last)
}

func (v *conversation) end(r *event.Stream) {
	if r.Flags&event.Rested != 0 {
		v.miss()
		return
	}
	if r.Flags&event.Gap != 0 {
		v.gaps++
	}
	for k := range v.calls() {
		v.cut(k, r.Time, failure(r.Flags))
	}
}

// timeout closes a call that was quiet for too long. One that was answered has not failed.
func (v *conversation) timeout(k *call) {
	v.cut(k, k.last, protocol.Timeout)
}

func (v *conversation) abandon() {
	for k := range v.calls() {
		v.tracker.Counts.Evicted.Add(1)
		v.close(k, k.last, protocol.None)
	}
	v.learn()
	for i := range v.halves {
		v.restart(i)
	}
}

func (v *conversation) forget() {
	for k := range v.calls() {
		v.tracker.freeCall(k)
	}
	clear(v.others)
	v.latest, v.recent = nil, nil
}

// close gives a call to the sink and forgets it.
func (v *conversation) close(k *call, now uint64, how protocol.Failure) {
	v.connection.tell(k, now, how)
	v.forgetCall(k)
}
