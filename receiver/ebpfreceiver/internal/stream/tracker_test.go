// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/exchange"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// seen keeps what a tracker finds.
type seen struct {
	exchanges  []protocol.Exchange
	paths      []string
	methods    []string
	handshakes []Handshake
}

func (s *seen) Exchange(x *protocol.Exchange) {
	s.exchanges = append(s.exchanges, *x.Clone())
	s.paths = append(s.paths, string(x.HTTP.Target))
	s.methods = append(s.methods, string(x.RPC.Method))
}

func (s *seen) Handshake(h *Handshake) { s.handshakes = append(s.handshakes, *h) }

const (
	cookie = 7
	second = uint64(time.Second)
)

// wire makes the records of one connection as the kernel does when it knows nothing of frames: raw.
type wire struct {
	tracker *Tracker
	seen    *seen
	now     uint64
	at      [2]uint32
	framers [2]*http2.Framer
	out     [2]bytes.Buffer
	encoder [2]*hpack.Encoder
	block   [2]bytes.Buffer
}

func newWire(settings Settings) *wire {
	w := &wire{seen: &seen{}, now: second, at: [2]uint32{0xfffffff0, 1000}}
	w.tracker = New(settings, &exchange.Clock{}, w.seen)
	for i := range w.framers {
		w.framers[i] = http2.NewFramer(&w.out[i], nil)
		w.encoder[i] = hpack.NewEncoder(&w.block[i])
	}
	return w
}

func defaults() Settings {
	return Settings{MaxOpen: 100, MaxMemory: 1 << 20, MaxHeaders: 4096, Timeout: 10 * time.Second}
}

// open tells of the connection; joined if its beginning was not seen.
func (w *wire) open(flags event.Flags, protocol event.Protocol) {
	record := make([]byte, 152)
	binary.LittleEndian.PutUint64(record, cookie)
	binary.LittleEndian.PutUint64(record[8:], w.now)
	record[28], record[30], record[31] = byte(event.StreamOpen), byte(flags), byte(protocol)
	w.tracker.Record(record)
	for i, at := range w.at { // where a direction begins is told first, even if there is nothing else to tell yet
		w.tracker.Record(w.record(event.StreamData, i == index(true), 0, at, at, nil))
	}
}

// record is one of a direction.
func (w *wire) record(kind event.Kind, client bool, flags event.Flags, from, to uint32, data []byte) []byte {
	record := make([]byte, streamRecord, streamRecord+len(data))
	binary.LittleEndian.PutUint64(record, cookie)
	binary.LittleEndian.PutUint64(record[8:], w.now)
	binary.LittleEndian.PutUint32(record[16:], from)
	binary.LittleEndian.PutUint32(record[20:], to)
	binary.LittleEndian.PutUint32(record[24:], uint32(len(data)))
	if !client {
		flags |= event.FromServer
	}
	record[28], record[30], record[31] = byte(kind), byte(flags), byte(event.HTTP2)
	return append(record, data...)
}

const (
	streamRecord = 40
	body         = 300 // bytes of a response
)

// raw returns the record of the next bytes of a direction.
func (w *wire) raw(client bool, data []byte) []byte {
	i := index(client)
	from := w.at[i]
	w.at[i] += uint32(len(data))
	return w.record(event.StreamData, client, event.Raw, from, w.at[i], data)
}

// headers returns a HEADERS frame.
func (w *wire) headers(t testing.TB, client bool, id uint32, end bool, fields ...string) []byte {
	t.Helper()
	i := index(client)
	w.block[i].Reset()
	for f := 0; f < len(fields); f += 2 {
		require.NoError(t, w.encoder[i].WriteField(hpack.HeaderField{Name: fields[f], Value: fields[f+1]}))
	}
	w.out[i].Reset()
	require.NoError(t, w.framers[i].WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: w.block[i].Bytes(), EndHeaders: true, EndStream: end,
	}))
	return bytes.Clone(w.out[i].Bytes())
}

func (w *wire) data(t testing.TB, client bool, id uint32, end bool, size int) []byte {
	t.Helper()
	i := index(client)
	w.out[i].Reset()
	require.NoError(t, w.framers[i].WriteData(id, end, make([]byte, size)))
	return bytes.Clone(w.out[i].Bytes())
}

func (w *wire) request(t testing.TB, id uint32, path string) []byte {
	t.Helper()
	return w.headers(t, true, id, true, ":method", "GET", ":scheme", "http", ":path", path, ":authority", "shop")
}

func (w *wire) response(t testing.TB, id uint32) []byte {
	t.Helper()
	return append(w.headers(t, false, id, false, ":status", "200"), w.data(t, false, id, true, body)...)
}

func TestStreamsBecomeExchanges(t *testing.T) {
	w := newWire(defaults())
	w.open(0, event.HTTP2)
	w.tracker.Record(w.raw(true, []byte(http2.ClientPreface)))
	w.tracker.Record(w.raw(true, append(w.request(t, 1, "/a"), w.request(t, 3, "/b")...)))
	w.now = 2 * second
	w.tracker.Record(w.raw(false, w.headers(t, false, 3, false, ":status", "404")))
	w.now = 3 * second
	w.tracker.Record(w.raw(false, w.data(t, false, 3, true, 10)))
	w.tracker.Record(w.raw(false, w.response(t, 1)))
	require.Equal(t, []string{"/b", "/a"}, w.seen.paths)
	x := w.seen.exchanges[0]
	assert.EqualValues(t, 404, x.HTTP.Status)
	assert.EqualValues(t, second, x.Start)
	assert.EqualValues(t, 2*second, x.FirstByte)
	assert.EqualValues(t, 3*second, x.End)
	assert.Equal(t, protocol.None, x.Failure)
	assert.Equal(t, protocol.HTTP2, x.Kind)
	assert.EqualValues(t, 2, w.tracker.Counts.Requests.Load())
	assert.Zero(t, w.tracker.Counts.Open.Load())
}

func TestHeaderFieldsAreTakenByName(t *testing.T) {
	settings := defaults()
	settings.RequestFields, settings.ResponseFields = []string{"x-tenant", "traceparent"}, []string{"server", "x-tenant"}
	w := newWire(settings)
	w.open(0, event.HTTP2)
	w.tracker.Record(w.raw(true, []byte(http2.ClientPreface)))
	for _, id := range []uint32{1, 3} { // the second time, the names are indices, and the call is one that was used before
		w.tracker.Record(w.raw(true, w.headers(t, true, id, true, ":method", "GET", ":path", "/",
			"x-tenant", "a", "server", "of a request", "x-tenant", "b", "traceparent", "00-a", "x-tenant", "\x00")))
		w.tracker.Record(w.raw(false, w.headers(t, false, id, false, ":status", "103", "server", "interim")))
		w.tracker.Record(w.raw(false, w.headers(t, false, id, false, ":status", "200", "server", "shop", "secret", "s")))
		w.tracker.Record(w.raw(false, w.headers(t, false, id, true, "server", "trailer")))
	}
	require.Len(t, w.seen.exchanges, 2)
	for _, x := range w.seen.exchanges {
		assert.Equal(t, []protocol.Field{
			{Name: "x-tenant", Value: []byte("a")}, {Name: "x-tenant", Value: []byte("b")}, {Name: "traceparent", Value: []byte("00-a")},
		}, x.HTTP.RequestFields)
		assert.Equal(t, []protocol.Field{{Name: "server", Value: []byte("shop")}}, x.HTTP.ResponseFields)
		assert.Equal(t, "00-a", string(x.HTTP.TraceParent))
	}
}

func TestForMetricsAloneOnlyTheCallIsRead(t *testing.T) {
	settings := defaults()
	settings.Bare = true
	w := newWire(settings)
	w.open(0, event.HTTP2)
	w.tracker.Record(w.raw(true, w.headers(t, true, 1, true, ":method", "POST", ":path", "/shop.Cart/Add", ":authority", "shop",
		"content-type", "application/grpc", "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")))
	w.tracker.Record(w.raw(false, w.headers(t, false, 1, true, ":status", "200", "content-type", "application/grpc", "grpc-status", "5")))
	require.Len(t, w.seen.exchanges, 1)
	x := w.seen.exchanges[0]
	assert.Equal(t, "shop.Cart/Add", w.seen.methods[0])
	assert.EqualValues(t, 5, x.RPC.Status)
	assert.EqualValues(t, 200, x.HTTP.Status)
	assert.Nil(t, x.HTTP.Host)
	assert.Nil(t, x.HTTP.TraceParent)
}

func TestAStreamingCallEndsWithItsTrailers(t *testing.T) {
	w := newWire(defaults())
	w.open(0, event.HTTP2)
	w.tracker.Record(w.raw(true, w.headers(t, true, 1, false, ":method", "POST", ":path", "/shop.Cart/Watch", "content-type", "application/grpc")))
	w.tracker.Record(w.raw(false, w.headers(t, false, 1, false, ":status", "200", "content-type", "application/grpc")))
	for range 3 {
		w.now += second
		w.tracker.Record(w.raw(true, w.data(t, true, 1, false, 20)))
		w.tracker.Record(w.raw(false, w.data(t, false, 1, false, 20)))
	}
	assert.Empty(t, w.seen.exchanges)
	w.tracker.Record(w.raw(false, w.headers(t, false, 1, true, "grpc-status", "14")))
	require.Len(t, w.seen.exchanges, 1)
	x := w.seen.exchanges[0]
	assert.Equal(t, protocol.GRPC, x.Kind)
	assert.Equal(t, "shop.Cart/Watch", w.seen.methods[0])
	status, failed, errorType := protocol.RPCOutcome(&x)
	assert.Equal(t, "UNAVAILABLE", status)
	assert.True(t, failed)
	assert.Equal(t, "UNAVAILABLE", errorType)
	assert.EqualValues(t, 4*second, x.End)
	assert.Greater(t, x.RequestBytes, uint64(3*29))
}

// A server may answer before the request is whole; what comes of it then, its trailers included, is no other request.
func TestTrailersAreNoRequest(t *testing.T) {
	trailers := func(t *testing.T, w *wire) []byte { return w.headers(t, true, 1, true, "x-checksum", "1") }
	for name, end := range map[string]func(*testing.T, *wire){
		"the server has answered": func(t *testing.T, w *wire) {
			w.tracker.Record(w.raw(false, w.headers(t, false, 1, true, ":status", "413")))
		},
		"the server has reset the stream": func(t *testing.T, w *wire) {
			w.out[0].Reset()
			require.NoError(t, w.framers[0].WriteRSTStream(1, http2.ErrCodeNo))
			w.tracker.Record(w.raw(false, w.out[0].Bytes()))
		},
		"nothing came for long": func(_ *testing.T, w *wire) { w.tracker.Expire(w.now + 11*second) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(defaults())
			w.open(0, event.HTTP2)
			w.tracker.Record(w.raw(true, w.headers(t, true, 1, false, ":method", "POST", ":path", "/a")))
			end(t, w)
			w.tracker.Record(w.raw(true, append(w.data(t, true, 1, false, 20), trailers(t, w)...)))
			assert.Zero(t, w.tracker.Counts.Open.Load())
			assert.EqualValues(t, 1, w.tracker.Counts.Requests.Load())
			w.tracker.Record(w.raw(true, w.request(t, 3, "/b")))
			assert.EqualValues(t, 2, w.tracker.Counts.Requests.Load(), "the next one is")
		})
	}
	w := newWire(defaults())
	w.open(0, event.HTTP2) // of a connection that was joined, too, the first that is seen may be the end of something
	w.tracker.Record(w.raw(true, append(trailers(t, w), w.request(t, 3, "/b")...)))
	assert.EqualValues(t, 1, w.tracker.Counts.Requests.Load())
}

func TestRecordsInAnyOrderGiveTheSameExchanges(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		w := newWire(defaults())
		w.open(0, event.HTTP2)
		var records [][]byte
		for id := uint32(1); id < 20; id += 2 {
			w.tracker.Record(w.raw(true, w.request(t, id, "/a")))
			body := w.response(t, id)
			for len(body) > 0 {
				n := min(len(body), 1+random.IntN(100))
				records = append(records, w.raw(false, body[:n]))
				body = body[n:]
			}
		}
		w.tracker.Record(records[0])
		for i := 1; i < len(records); i += 4 { // as far as packets overtake each other
			part := records[i:min(i+4, len(records))]
			random.Shuffle(len(part), func(a, b int) { part[a], part[b] = part[b], part[a] })
			for _, record := range part {
				w.tracker.Record(bytes.Clone(record))
				w.tracker.Record(bytes.Clone(record)) // and twice
			}
		}
		require.Len(t, w.seen.exchanges, 10)
		assert.Zero(t, w.tracker.Counts.Gaps.Load())
	}
}

// Another processor may tell of later bytes before the first ones are told: raw bytes are never the first of a direction.
func TestADirectionThatIsToldFromTheMiddleWaitsForItsBeginning(t *testing.T) {
	w := newWire(defaults())
	w.at[1] = 5000
	record := make([]byte, 152)
	binary.LittleEndian.PutUint64(record, cookie)
	record[28], record[31] = byte(event.StreamOpen), byte(event.HTTP2)
	w.tracker.Record(record)
	first, second := w.request(t, 1, "/first"), w.request(t, 3, "/second")
	beginning := w.record(event.StreamData, true, 0, 5000, 5000+uint32(len(first)), first)
	w.at[1] += uint32(len(first))
	w.tracker.Record(w.raw(true, second))
	assert.Zero(t, w.tracker.Counts.Requests.Load())
	w.tracker.Record(beginning)
	assert.EqualValues(t, 2, w.tracker.Counts.Requests.Load())
	assert.Zero(t, w.tracker.Counts.Gaps.Load())
}

func TestWhatIsMissedIsCountedAndGuessedByNobody(t *testing.T) {
	w := newWire(defaults())
	w.open(0, event.HTTP2)
	w.tracker.Record(w.raw(true, w.request(t, 1, "/a")))
	w.raw(true, w.request(t, 3, "/missed"))
	late := w.raw(true, w.request(t, 5, "/missed"))
	w.tracker.Record(late)
	assert.EqualValues(t, 1, w.tracker.Counts.Requests.Load(), "it may still come")
	w.now += 3 * second
	from := w.at[1]
	frame := w.request(t, 7, "/missed") // refers to a field that was missed
	w.at[1] += uint32(len(frame))
	w.tracker.Record(w.record(event.StreamData, true, event.Guessed, from, w.at[1], frame))
	assert.EqualValues(t, 1, w.tracker.Counts.Gaps.Load())
	assert.EqualValues(t, 2, w.tracker.Counts.Requests.Load())
	w.tracker.Record(w.raw(false, w.response(t, 7)))
	assert.Equal(t, []string{""}, w.seen.paths)
	assert.NotZero(t, w.tracker.Counts.UnknownFields.Load())
}

func TestACallWhoseResponseMayHaveBeenMissedIsNoFailure(t *testing.T) {
	w := newWire(defaults())
	w.open(0, event.HTTP2)
	for i, id := range []uint32{1, 3, 5, 7} {
		w.tracker.Record(w.raw(true, w.request(t, id, "/"+strconv.Itoa(i))))
	}
	w.tracker.Record(w.raw(false, w.headers(t, false, 7, false, ":status", "200")))
	w.raw(false, w.response(t, 1))                   // missed
	w.tracker.Record(w.raw(false, w.response(t, 3))) // of no use without what is before it
	w.now += 3 * second
	from := w.at[0]
	seen := w.response(t, 5)
	w.at[0] += uint32(len(seen))
	heads := seen[:len(seen)-body] // all that the kernel copies once it follows frames
	w.tracker.Record(w.record(event.StreamData, false, event.Guessed, from, w.at[0], heads))
	w.tracker.Record(w.record(event.StreamEnd, false, event.Fin, 0, 0, nil))
	assert.Equal(t, []string{"/2", "/3"}, w.seen.paths, "of these the response was seen, and its head")
	for _, told := range w.seen.exchanges {
		assert.Equal(t, protocol.None, told.Failure)
	}
	assert.EqualValues(t, 2, w.tracker.Counts.Missed.Load())
	assert.Zero(t, w.tracker.Counts.Open.Load())
}

func TestACallWhoseResponseMayBeInTheMissedEndIsNoFailure(t *testing.T) {
	for flags, want := range map[event.Flags]int{event.Fin: 1, event.Fin | event.Gap: 0} {
		w := newWire(defaults())
		w.open(0, event.HTTP2)
		w.tracker.Record(w.raw(true, w.request(t, 1, "/")))
		w.tracker.Record(w.record(event.StreamEnd, false, flags, 0, 0, nil))
		assert.Len(t, w.seen.exchanges, want)
		assert.EqualValues(t, 1-want, w.tracker.Counts.Missed.Load())
	}
}

func TestAJoinedConnectionBeginsWhereTheKernelSaysSo(t *testing.T) {
	w := newWire(defaults())
	w.open(event.Guessed, event.HTTP2)
	w.tracker.Record(w.raw(true, []byte("the end of something")))
	assert.Zero(t, w.tracker.Counts.Malformed.Load())
	frame := w.request(t, 9, "/a")
	from := w.at[1]
	w.at[1] += uint32(len(frame))
	w.tracker.Record(w.record(event.StreamData, true, event.Guessed, from, w.at[1], frame))
	assert.EqualValues(t, 1, w.tracker.Counts.Requests.Load())
	assert.Zero(t, w.tracker.Counts.Gaps.Load())
}

func TestEndsWithoutAResponseSayHow(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(*testing.T, *wire)
		want string
	}{
		"the server resets the stream": {func(t *testing.T, w *wire) {
			w.out[0].Reset()
			require.NoError(t, w.framers[0].WriteRSTStream(1, http2.ErrCodeRefusedStream))
			w.tracker.Record(w.raw(false, w.out[0].Bytes()))
		}, "refused_stream"},
		"the server goes away": {func(t *testing.T, w *wire) {
			w.out[0].Reset()
			require.NoError(t, w.framers[0].WriteGoAway(0, http2.ErrCodeNo, nil))
			w.tracker.Record(w.raw(false, w.out[0].Bytes()))
		}, "refused_stream"},
		"the connection is reset": {func(_ *testing.T, w *wire) {
			w.tracker.Record(w.record(event.StreamEnd, false, event.Reset, 0, 0, nil))
		}, "connection_reset"},
		"the connection is closed": {func(_ *testing.T, w *wire) {
			w.tracker.Record(w.record(event.StreamEnd, false, event.Fin, 0, 0, nil))
		}, "connection_closed"},
		"the client closes": {func(_ *testing.T, w *wire) {
			w.tracker.Record(w.record(event.StreamEnd, true, event.GivenUp, 0, 0, nil))
		}, "cancelled"},
		"nothing comes": {func(_ *testing.T, w *wire) { w.tracker.Expire(w.now + 11*second) }, "timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(defaults())
			w.open(0, event.HTTP2)
			w.tracker.Record(w.raw(true, w.request(t, 1, "/a")))
			test.end(t, w)
			require.Len(t, w.seen.exchanges, 1)
			assert.Equal(t, test.want, w.seen.exchanges[0].Failure.ErrorType())
			assert.Zero(t, w.seen.exchanges[0].HTTP.Status)
		})
	}
}

func TestBoundsAreKept(t *testing.T) {
	settings := defaults()
	settings.MaxOpen, settings.MaxMemory = 3, 8192
	w := newWire(settings)
	w.open(0, event.HTTP2)
	for id := uint32(1); id < 21; id += 2 {
		w.tracker.Record(w.raw(true, w.request(t, id, "/a")))
	}
	assert.EqualValues(t, 3, w.tracker.Counts.Open.Load())
	assert.EqualValues(t, 7, w.tracker.Counts.Evicted.Load())
	for i := range 100 {
		record := make([]byte, 152)
		binary.LittleEndian.PutUint64(record, uint64(100+i))
		record[28], record[31] = byte(event.StreamOpen), byte(event.HTTP2)
		w.tracker.Record(record)
		assert.LessOrEqual(t, w.tracker.Counts.Memory.Load(), int64(settings.MaxMemory))
	}
	assert.NotZero(t, w.tracker.Counts.Forgotten.Load())
	w.tracker.Close()
	assert.Zero(t, w.tracker.Counts.Connections.Load())
	assert.Zero(t, w.tracker.Counts.Memory.Load())
	assert.Zero(t, w.tracker.Counts.Open.Load())
}

func FuzzRecords(f *testing.F) {
	w := newWire(defaults())
	f.Add(w.raw(true, w.request(f, 1, "/a")), w.raw(false, w.response(f, 1)))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		w := newWire(defaults())
		w.open(0, event.HTTP2)
		for _, record := range [][]byte{first, second, first} {
			if Is(record) {
				w.tracker.Record(record)
			}
		}
		w.tracker.Close()
		assert.Zero(t, w.tracker.Counts.Open.Load())
		assert.Zero(t, w.tracker.Counts.Memory.Load())
	})
}

// TestACallOnAConnectionThatBeginsToRestIsMissed has one call answered before that, and one not.
func TestACallOnAConnectionThatBeginsToRestIsMissed(t *testing.T) {
	for name, rest := range map[string]func(w *wire){
		"which is told": func(w *wire) {
			w.tracker.Record(w.record(event.StreamEnd, true, event.Rested, 0, 0, nil))
			assert.Zero(t, w.tracker.Counts.Connections.Load())
		},
		"which is not": func(*wire) {},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(defaults())
			w.open(0, event.HTTP2)
			w.tracker.Record(w.raw(true, slices.Concat([]byte(http2.ClientPreface), w.request(t, 1, "/one"), w.request(t, 3, "/two"))))
			w.tracker.Record(w.raw(false, w.headers(t, false, 1, true, ":status", "200")))
			rest(w)
			w.now += second
			w.at = [2]uint32{w.at[0] + 1<<30, w.at[1] + 1<<31 + 7} // so much was said in the meantime
			w.open(event.Guessed, event.HTTP2)
			data := w.request(t, 9, "/three")
			w.at[index(true)] += uint32(len(data))
			again := w.record(event.StreamData, true, event.Guessed, w.at[index(true)]-uint32(len(data)), w.at[index(true)], data)
			again[38] = 3
			w.tracker.Record(again)
			answer := w.headers(t, false, 9, true, ":status", "404")
			w.at[index(false)] += uint32(len(answer))
			w.tracker.Record(w.record(event.StreamData, false, event.Guessed, w.at[index(false)]-uint32(len(answer)), w.at[index(false)], answer))
			assert.EqualValues(t, 1, w.tracker.Counts.Missed.Load())
			require.Len(t, w.seen.exchanges, 2)
			assert.Equal(t, "/one", w.seen.paths[0])
			assert.Zero(t, w.seen.exchanges[0].Scale)
			assert.EqualValues(t, 1, w.seen.exchanges[0].Place)
			assert.EqualValues(t, 404, w.seen.exchanges[1].HTTP.Status)
			assert.EqualValues(t, 3, w.seen.exchanges[1].Scale)
			assert.Zero(t, w.tracker.Counts.Open.Load())
		})
	}
}
