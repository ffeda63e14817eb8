// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2/hpack"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/exchange"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

const (
	played      = 100  // connections that take turns: their tables do not stay in the processor's first caches
	playedCalls = 2048 // exchanges of each, until it ends and another begins
)

// counter is a sink that only counts.
type counter struct{ exchanges, unknown int }

func (c *counter) Exchange(x *protocol.Exchange) {
	c.exchanges++
	if x.HTTP.Status == 0 || x.HTTP.Method == nil || x.HTTP.Target == nil {
		c.unknown++
	}
}

func (*counter) Handshake(*Handshake) {}

// said is a record of a played connection, without what differs between connections.
type said struct {
	client bool
	data   []byte // whole frames, but for the payloads of DATA
	left   int    // bytes of those
}

// player plays the same exchanges on many connections, as the kernel tells of them when it follows frames.
type player struct {
	tracker *Tracker
	sink    counter
	now     uint64
	turn    int
	parts   [][]said
	every   int // one record of so many is lost, if not 0
	told    int // since then
	at      [played][2]uint32
	lost    [played][2]bool
	scratch []byte
}

func newPlayer(parts [][]said, bare bool) *player {
	p := &player{parts: parts, now: second}
	p.tracker = New(Settings{
		MaxOpen: 65536, MaxMemory: 64 << 20, MaxHeaders: 16 << 10, Timeout: time.Minute, Bare: bare,
	}, &exchange.Clock{}, &p.sink)
	return p
}

// exchange plays one exchange: on the next connection.
func (p *player) exchange() {
	c, i := p.turn%played, p.turn/played%len(p.parts)
	p.turn++
	p.now += 5000
	if i == 0 {
		p.begin(c)
	}
	for j := range p.parts[i] {
		p.say(c, &p.parts[i][j])
	}
	if i == len(p.parts)-1 {
		p.write(c, event.StreamEnd, false, event.Fin, nil, 0)
	}
}

func (p *player) begin(c int) {
	record := make([]byte, 152)
	binary.LittleEndian.PutUint64(record, uint64(c+1))
	binary.LittleEndian.PutUint64(record[8:], p.now)
	record[28], record[31] = byte(event.StreamOpen), byte(event.HTTP2)
	p.tracker.Record(record)
	p.lost[c] = [2]bool{}
	for i := range p.at[c] {
		p.write(c, event.StreamData, i == index(true), 0, nil, 0)
	}
}

func (p *player) say(c int, s *said) {
	i := index(s.client)
	if p.told++; p.told == p.every {
		p.at[c][i] += uint32(len(s.data) + s.left)
		p.lost[c][i], p.told = true, 0
		return
	}
	var flags event.Flags
	if p.lost[c][i] {
		flags, p.lost[c][i] = event.Guessed, false
	}
	p.write(c, event.StreamData, s.client, flags, s.data, s.left)
}

// write plays one record.
func (p *player) write(c int, kind event.Kind, client bool, flags event.Flags, data []byte, left int) {
	i := index(client)
	if cap(p.scratch) < 568+len(data) { // the kernel's are no shorter
		p.scratch = make([]byte, 568+len(data))
	}
	record := p.scratch[:568]
	clear(record[:streamRecord])
	binary.LittleEndian.PutUint64(record, uint64(c+1))
	binary.LittleEndian.PutUint64(record[8:], p.now)
	binary.LittleEndian.PutUint32(record[16:], p.at[c][i])
	if kind == event.StreamData {
		p.at[c][i] += uint32(len(data) + left)
	}
	binary.LittleEndian.PutUint32(record[20:], p.at[c][i])
	binary.LittleEndian.PutUint32(record[24:], uint32(len(data)))
	if !client {
		flags |= event.FromServer
	}
	record[28], record[29], record[30], record[31] = byte(kind), byte(c&1), byte(flags), byte(event.HTTP2)
	copy(record[streamRecord:], data)
	p.tracker.Record(record)
}

// framed returns a frame; of DATA the header alone.
func framed(kind, flags byte, id uint32, payload []byte, elided int) []byte {
	n := len(payload) + elided
	return append([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags, byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)}, payload...)
}

const (
	kindData, kindHeaders = 0, 1
	endStream, endHeaders = 1, 4
)

// nginx returns what h2load asks of nginx, and what that answers, as both send it: of the request everything is in tables
// but for the first time, of the response nothing ever is.
func nginx(tb testing.TB) [][]said {
	tb.Helper()
	answer, err := hex.DecodeString("887689aa6355e580ae212e1f6196dd6d5f4a09f5349fba82009c5020b800dc69a53168df5f87497ca58ae819aa5c0136")
	require.NoError(tb, err)
	calls := make([][]said, playedCalls)
	e := newEncoder(tb)
	for i := range calls {
		id := uint32(2*i + 1)
		request := e.block(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "127.0.0.1:18082", "user-agent", "h2load nghttp2/1.64.0")
		calls[i] = []said{
			{true, framed(kindHeaders, endHeaders|endStream, id, request, 0), 0},
			{false, framed(kindHeaders, endHeaders, id, answer, 0), 0},
			{false, framed(kindData, endStream, id, nil, 6), 6},
		}
	}
	return calls
}

// grpcGo returns unary calls between a client and a server of grpc-go that is instrumented: the trace context changes.
func grpcGo(tb testing.TB) [][]said {
	tb.Helper()
	calls := make([][]said, playedCalls)
	client, server := newEncoder(tb), newEncoder(tb)
	for i := range calls {
		id := uint32(2*i + 1)
		traceparent := fmt.Sprintf("00-%016x%016x-%016x-01", uint64(i)*0x9e3779b97f4a7c15, uint64(i)*0xbf58476d1ce4e5b9, uint64(i)*0x94d049bb133111eb)
		request := framed(kindHeaders, endHeaders, id, client.block(":method", "POST", ":scheme", "http", ":path", "/shop.Cart/Add",
			":authority", "cart.shop.svc.cluster.local:8080", "content-type", "application/grpc", "user-agent", "grpc-go/1.83.0",
			"te", "trailers", "grpc-timeout", fmt.Sprintf("%du", 999000+i%1000), "traceparent", traceparent), 0)
		answer := framed(kindHeaders, endHeaders, id, server.block(":status", "200", "content-type", "application/grpc"), 0)
		answer = append(answer, framed(kindData, 0, id, nil, 20)...)
		trailers := server.block("grpc-status", "0", "grpc-message", "")
		calls[i] = []said{
			{true, append(request, framed(kindData, endStream, id, nil, 30)...), 30},
			{false, append(answer, framed(kindHeaders, endHeaders|endStream, id, trailers, 0)...), 20},
		}
	}
	return calls
}

// encoder makes header blocks of one direction.
type encoder struct {
	tb  testing.TB
	hp  *hpack.Encoder
	out []byte
}

func newEncoder(tb testing.TB) *encoder {
	tb.Helper()
	e := &encoder{tb: tb}
	e.hp = hpack.NewEncoder(e)
	return e
}

func (e *encoder) Write(p []byte) (int, error) {
	e.out = append(e.out, p...)
	return len(p), nil
}

func (e *encoder) block(fields ...string) []byte {
	e.tb.Helper()
	e.out = nil
	for i := 0; i < len(fields); i += 2 {
		require.NoError(e.tb, e.hp.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}))
	}
	return e.out
}

// warm plays so many exchanges on each connection that all tables are as long as they will be.
func (p *player) warm() {
	for range 300 * played {
		p.exchange()
	}
}

func TestAnExchangeAllocatesNothing(t *testing.T) {
	for name, parts := range map[string][][]said{"nginx": nginx(t), "grpc-go": grpcGo(t)} {
		p := newPlayer(parts, false)
		p.warm()
		require.Zero(t, testing.AllocsPerRun(1000, p.exchange), name)
		require.Zero(t, p.sink.unknown, name)
	}
}

// BenchmarkPlayed is what an exchange at one end costs from its records to the sink.
func BenchmarkPlayed(b *testing.B) {
	for name, test := range map[string]struct {
		parts [][]said
		every int
		bare  bool
	}{
		"nginx":            {nginx(b), 0, false},
		"nginx with gaps":  {nginx(b), 199, false},
		"nginx, metrics":   {nginx(b), 0, true},
		"grpc-go":          {grpcGo(b), 0, false},
		"grpc-go, metrics": {grpcGo(b), 0, true},
	} {
		b.Run(name, func(b *testing.B) {
			p := newPlayer(test.parts, test.bare)
			p.every = test.every
			p.warm()
			b.ReportAllocs()
			begun := p.sink.exchanges
			n := 0
			for b.Loop() {
				p.exchange()
				n++
			}
			if test.every == 0 {
				require.Zero(b, p.sink.unknown)
				require.InDelta(b, n, p.sink.exchanges-begun, 0)
			} else {
				require.NotZero(b, p.tracker.Counts.Gaps.Load())
			}
		})
	}
}

// BenchmarkExchange is a request and its response on a connection that is warm.
func BenchmarkExchange(b *testing.B) {
	w := newWire(defaults())
	w.open(0, event.HTTP2)
	id := uint32(1)
	w.tracker.Record(w.raw(true, w.request(b, id, "/a")))
	w.tracker.Record(w.raw(false, w.response(b, id)))
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		id += 2
		request, response := w.raw(true, w.request(b, id, "/a")), w.raw(false, w.response(b, id))
		w.seen.exchanges, w.seen.paths, w.seen.methods = w.seen.exchanges[:0], w.seen.paths[:0], w.seen.methods[:0]
		b.StartTimer()
		w.tracker.Record(request)
		w.tracker.Record(response)
	}
}

// BenchmarkExpireBesideIdleConnections looks for what is quiet, where 20,000 connections of HTTP/2 are.
func BenchmarkExpireBesideIdleConnections(b *testing.B) {
	tracker := New(Settings{MaxOpen: 100, MaxMemory: 1 << 30, MaxHeaders: 4096, Timeout: time.Second}, &exchange.Clock{}, &counter{})
	record := make([]byte, 152)
	record[28], record[31] = byte(event.StreamOpen), byte(event.HTTP2)
	for cookie := range uint64(20000) {
		binary.LittleEndian.PutUint64(record, cookie)
		tracker.Record(record)
	}
	require.EqualValues(b, 20000, tracker.Counts.Connections.Load())
	for b.Loop() {
		tracker.Expire(100 * second)
	}
}
