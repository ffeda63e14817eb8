// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// base builds the 32 bytes that every record begins with; see package event.
func base(kind event.Kind, cookie, time, bytes uint64, number uint32, flags event.Flags) []byte {
	r := make([]byte, 32)
	binary.LittleEndian.PutUint64(r[0:], cookie)
	binary.LittleEndian.PutUint64(r[8:], time)
	binary.LittleEndian.PutUint64(r[16:], bytes)
	binary.LittleEndian.PutUint32(r[24:], number)
	r[28], r[30] = byte(kind), byte(flags)
	return r
}

// connection plays the kernel's part for one connection.
type connection struct {
	cookie   uint64
	number   uint32
	previous uint64 // time of the previous response's last byte
	bytes    uint64
}

// exchange is the record of a request that came at time start and the first packet of its response at time now.
func (c *connection) exchange(start, now uint64, request, packet string, flags event.Flags) []byte {
	c.number++
	previousBytes := c.bytes
	c.bytes = uint64(len(packet))
	head := packet[:min(len(packet), 256)]
	r := append(base(event.Exchange, c.cookie, now, c.bytes, c.number, flags), make([]byte, 120)...)
	binary.LittleEndian.PutUint64(r[32:], start)
	binary.LittleEndian.PutUint64(r[40:], uint64(len(request)))
	binary.LittleEndian.PutUint64(r[48:], c.previous)
	binary.LittleEndian.PutUint64(r[56:], previousBytes)
	request = request[:min(len(request), 480)]
	binary.LittleEndian.PutUint16(r[140:], uint16(len(request)))
	binary.LittleEndian.PutUint16(r[142:], uint16(len(head)))
	c.previous = now
	return append(append(r, request...), head...)
}

func (c *connection) progress(now, n uint64, flags event.Flags) []byte {
	c.bytes, c.previous = c.bytes+n, now
	return base(event.Progress, c.cookie, now, c.bytes, c.number, flags)
}

func (c *connection) response(now uint64, packet string) []byte {
	c.bytes, c.previous = c.bytes+uint64(len(packet)), now
	r := append(base(event.Response, c.cookie, now, c.bytes, c.number, 0), make([]byte, 8)...)
	binary.LittleEndian.PutUint32(r[32:], uint32(len(packet)))
	return append(r, packet...)
}

func (c *connection) end(now, n uint64, flags event.Flags) []byte {
	c.bytes += n
	return base(event.End, c.cookie, now, c.bytes, c.number, flags)
}

// run feeds records to an assembler and returns what it told, a line each: method, target, status, start, first byte,
// end, bytes, failure.
func run(a *Assembler, told *[]string, records ...[]byte) []string {
	for _, r := range records {
		a.Record(r)
	}
	return *told
}

func newRecorded(settings Settings) (*Assembler, *[]string) {
	var told []string
	a := New(settings, &Clock{}, func(x *protocol.Exchange) {
		told = append(told, strings.TrimSpace(fmt.Sprintf("%s %s %d: %d %d %d %dB %s", x.HTTP.Method, x.HTTP.Target,
			x.HTTP.Status, x.Start, x.FirstByte, x.End, x.ResponseBytes, x.Failure.ErrorType())))
	})
	return a, &told
}

const (
	get     = "GET /a HTTP/1.1\r\nHost: shop\r\n\r\n"
	head    = "HEAD /a HTTP/1.1\r\n\r\n"
	post    = "POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
	empty   = "HTTP/1.1 204 No Content\r\n\r\n"
	five    = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
	chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	toClose = "HTTP/1.0 200 OK\r\n\r\n"
	interim = "HTTP/1.1 100 Continue\r\n\r\n"
)

var settings = Settings{MaxOpen: 2, Timeout: 10 * time.Second}

func TestExchangesEndWhereTheirResponsesSay(t *testing.T) {
	long := "HTTP/1.1 200 OK\r\nX-Long: " + strings.Repeat("x", 300) + "\r\nContent-Length: 5\r\n\r\nhello"
	tests := map[string]struct {
		script func(c *connection) [][]byte
		want   []string
	}{
		"a response in one packet": {
			func(c *connection) [][]byte { return [][]byte{c.exchange(10, 20, get, five+"hello", 0)} },
			[]string{"GET /a 200: 10 20 20 43B"},
		},
		"a response without a body": {
			func(c *connection) [][]byte { return [][]byte{c.exchange(10, 20, get, empty, 0)} },
			[]string{"GET /a 204: 10 20 20 27B"},
		},
		"a HEAD response announces a length that never comes": {
			func(c *connection) [][]byte { return [][]byte{c.exchange(10, 20, head, five, 0)} },
			[]string{"HEAD /a 200: 10 20 20 38B"},
		},
		"a response whose body comes in more packets": {
			func(c *connection) [][]byte {
				return [][]byte{c.exchange(10, 20, get, five, 0), c.progress(30, 2, 0), c.progress(40, 3, 0)}
			},
			[]string{"GET /a 200: 10 20 40 43B"},
		},
		"a chunked response ends with its last chunk": {
			func(c *connection) [][]byte {
				return [][]byte{c.exchange(10, 20, get, chunked, 0), c.progress(30, 10, 0), c.progress(40, 5, event.ChunkEnd)}
			},
			[]string{"GET /a 200: 10 20 40 62B"},
		},
		"a chunked response in one packet": {
			func(c *connection) [][]byte {
				return [][]byte{c.exchange(10, 20, get, chunked+"0\r\n\r\n", event.ChunkEnd)}
			},
			[]string{"GET /a 200: 10 20 20 52B"},
		},
		"a response that ends with the connection": {
			func(c *connection) [][]byte {
				return [][]byte{c.exchange(10, 20, get, toClose, 0), c.progress(30, 7, 0), c.end(90, 0, event.Fin)}
			},
			[]string{"GET /a 200: 10 20 30 26B"},
		},
		"the last bytes come with the FIN": {
			func(c *connection) [][]byte {
				return [][]byte{c.exchange(10, 20, get, toClose, 0), c.end(30, 7, event.Fin)}
			},
			[]string{"GET /a 200: 10 20 30 26B"},
		},
		"a response and the FIN in one packet": {
			func(c *connection) [][]byte { return [][]byte{c.exchange(10, 20, get, toClose, event.Fin)} },
			[]string{"GET /a 200: 10 20 20 19B"},
		},
		"a final response after an interim one": {
			func(c *connection) [][]byte {
				return [][]byte{c.exchange(10, 20, post, interim, 0), c.response(50, five+"hello")}
			},
			[]string{"POST /a 200: 10 20 50 68B"},
		},
		"a final response after an interim one in more packets": {
			func(c *connection) [][]byte {
				return [][]byte{c.exchange(10, 20, post, interim, 0), c.response(50, five), c.progress(60, 5, 0)}
			},
			[]string{"POST /a 200: 10 20 60 68B"},
		},
		"a tunnel ends with its head": {
			func(c *connection) [][]byte {
				return [][]byte{c.exchange(10, 20, get, "HTTP/1.1 101 Switching Protocols\r\n\r\n", 0), c.progress(30, 99, 0)}
			},
			[]string{"GET /a 101: 10 20 20 36B"},
		},
		"a head longer than what is captured ends when the next request comes": {
			func(c *connection) [][]byte {
				return [][]byte{c.exchange(10, 20, get, long, 0), c.exchange(50, 60, get, empty, 0)}
			},
			[]string{"GET /a 200: 10 20 20 353B", "GET /a 204: 50 60 60 27B"},
		},
		"an end that was not told is in the next record": {
			func(c *connection) [][]byte {
				first := c.exchange(10, 20, get, chunked, 0)
				c.progress(40, 99, 0) // lost
				return [][]byte{first, c.exchange(50, 60, get, empty, 0)}
			},
			[]string{"GET /a 200: 10 20 40 146B", "GET /a 204: 50 60 60 27B"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a, told := newRecorded(settings)
			assert.Equal(t, test.want, run(a, told, test.script(&connection{cookie: 1})...))
			assert.Zero(t, a.Counts.Open.Load())
		})
	}
}

func TestExchangesFailAsTheirConnectionsDo(t *testing.T) {
	tests := map[string]struct {
		script func(c *connection) [][]byte
		want   string
	}{
		"no response before a reset": {
			func(c *connection) [][]byte { return [][]byte{c.exchange(10, 20, get, "", event.Reset)} },
			"GET /a 0: 10 0 20 0B connection_reset",
		},
		"no response before the server closes": {
			func(c *connection) [][]byte { return [][]byte{c.exchange(10, 20, get, "", event.Fin)} },
			"GET /a 0: 10 0 20 0B connection_closed",
		},
		"no response before the kernel gives up": {
			func(c *connection) [][]byte { return [][]byte{c.exchange(10, 20, get, "", event.Timeout)} },
			"GET /a 0: 10 0 20 0B timeout",
		},
		"no response before the client closes": {
			func(c *connection) [][]byte { return [][]byte{c.exchange(10, 20, get, "", event.GivenUp)} },
			"GET /a 0: 10 0 20 0B cancelled",
		},
		"a body cut by a reset": {
			func(c *connection) [][]byte {
				return [][]byte{c.exchange(10, 20, get, five+"he", 0), c.end(30, 0, event.Reset)}
			},
			"GET /a 200: 10 20 30 40B connection_reset",
		},
		"a body cut by an orderly close": {
			func(c *connection) [][]byte {
				return [][]byte{c.exchange(10, 20, get, five+"he", 0), c.end(30, 0, event.Fin)}
			},
			"GET /a 200: 10 20 20 40B connection_closed",
		},
		"a chunked body cut by an orderly close": {
			func(c *connection) [][]byte { return [][]byte{c.exchange(10, 20, get, chunked, event.Fin)} },
			"GET /a 200: 10 20 20 47B connection_closed",
		},
		"an interim response and nothing more": {
			func(c *connection) [][]byte {
				return [][]byte{c.exchange(10, 20, post, interim, 0), c.end(30, 0, event.Fin)}
			},
			"POST /a 0: 10 20 20 25B connection_closed",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a, told := newRecorded(settings)
			assert.Equal(t, []string{test.want}, run(a, told, test.script(&connection{cookie: 1})...))
		})
	}
}

func TestAQuietExchangeIsClosedAtItsLastByte(t *testing.T) {
	a, told := newRecorded(settings)
	c, d := &connection{cookie: 1}, &connection{cookie: 2}
	run(a, told, c.exchange(10, 20, get, chunked, 0), d.exchange(10, 30, post, interim, 0))
	a.Expire(20 + uint64(settings.Timeout) - 1)
	assert.Empty(t, *told)
	a.Expire(30 + uint64(settings.Timeout))
	assert.Equal(t, []string{"GET /a 200: 10 20 20 47B", "POST /a 0: 10 30 30 25B timeout"}, *told)
	assert.EqualValues(t, 2, a.Counts.TimedOut.Load())
}

func TestAnEndThatCannotBeCountedIsNotWaitedForLong(t *testing.T) {
	a, told := newRecorded(settings)
	c := &connection{cookie: 1}
	long := "HTTP/1.1 200 OK\r\nX-Long: " + strings.Repeat("x", 300) + "\r\n\r\n"
	run(a, told, c.exchange(10, 20, get, long, 0))
	a.Expire(20 + uint64(quiet))
	assert.Equal(t, []string{"GET /a 200: 10 20 20 329B"}, *told)
	assert.Zero(t, a.Counts.TimedOut.Load())
	assert.EqualValues(t, 1, a.Counts.EndUnknown.Load())
}

// TestAnEndThatIsStillToComeIsWaitedFor pauses responses before the fewest bytes that they can have.
func TestAnEndThatIsStillToComeIsWaitedFor(t *testing.T) {
	const pause = uint64(3 * time.Second)
	lengthThenMore := "HTTP/1.1 200 OK\r\nContent-Length: 500\r\nX-Long: " + strings.Repeat("x", 300) + "\r\n\r\n"
	for name, test := range map[string]struct {
		first   func(c *connection) [][]byte
		rest    uint64
		ends    string
		resets  string
		expires string
	}{
		"a head longer than what is captured, with a length": {
			func(c *connection) [][]byte { return [][]byte{c.exchange(10, 20, get, lengthThenMore, 0)} }, 500,
			"GET /a 200: 10 20 3000000000 850B", "GET /a 200: 10 20 3000000000 351B connection_reset", "GET /a 200: 10 20 20 350B",
		},
		"a head in parts, with a length": {
			func(c *connection) [][]byte {
				return [][]byte{c.exchange(10, 20, get, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", 0)}
			}, 2,
			"GET /a 200: 10 20 3000000000 38B", "GET /a 200: 10 20 3000000000 37B connection_reset", "GET /a 200: 10 20 20 36B",
		},
		"a head in parts": {
			func(c *connection) [][]byte { return [][]byte{c.exchange(10, 20, get, "HTTP/1.1 200 OK\r\n", 0)} }, 100,
			"GET /a 200: 10 20 3000000000 117B", "GET /a 200: 10 20 3000000000 18B connection_reset", "GET /a 200: 10 20 20 17B",
		},
		"a head behind an interim one": {
			func(c *connection) [][]byte {
				return [][]byte{c.exchange(5, 10, post, interim, 0), c.response(20, interim+"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n")}
			}, 5,
			"POST /a 200: 5 10 3000000000 91B", "POST /a 200: 5 10 3000000000 87B connection_reset", "POST /a 200: 5 10 20 86B",
		},
	} {
		t.Run(name, func(t *testing.T) {
			begin := func() (*Assembler, *[]string, *connection) {
				a, told := newRecorded(settings)
				c := &connection{cookie: 1}
				run(a, told, test.first(c)...)
				a.Expire(pause)
				assert.Empty(t, *told, "the end is still to come")
				return a, told, c
			}
			a, told, c := begin()
			run(a, told, c.progress(pause, test.rest, 0))
			a.Expire(pause + uint64(quiet))
			assert.Equal(t, []string{test.ends}, *told)
			assert.EqualValues(t, 1, a.Counts.EndUnknown.Load(), "it may have ended")

			a, told, c = begin()
			run(a, told, c.end(pause, 1, event.Reset))
			assert.Equal(t, []string{test.resets}, *told)

			a, told, _ = begin()
			a.Expire(20 + uint64(settings.Timeout))
			assert.Equal(t, []string{test.expires}, *told)
			assert.EqualValues(t, 1, a.Counts.TimedOut.Load())
			assert.Zero(t, a.Counts.EndUnknown.Load())
		})
	}
}

func TestTheQuietestGivesWayWhenTooManyAreOpen(t *testing.T) {
	a, told := newRecorded(settings)
	for cookie := range uint64(3) {
		c := &connection{cookie: cookie}
		run(a, told, c.exchange(10+cookie, 20+cookie, get, chunked, 0))
	}
	assert.Equal(t, []string{"GET /a 200: 10 20 20 47B"}, *told)
	assert.EqualValues(t, 1, a.Counts.Evicted.Load())
	assert.EqualValues(t, 2, a.Counts.Open.Load())
	a.Close()
	assert.Len(t, *told, 3)
	assert.Zero(t, a.Counts.Open.Load())
}

func TestWhatCannotBeReadIsCounted(t *testing.T) {
	a, told := newRecorded(settings)
	c := &connection{cookie: 1}
	run(a, told, nil, c.exchange(10, 20, "nonsense\r\n\r\n", five, 0), c.exchange(10, 20, get, "HTTP/1.1 nonsense", 0),
		c.exchange(10, 20, post, interim, 0), c.exchange(30, 40, get, empty, 0))
	assert.Equal(t, []string{"GET /a 204: 30 40 40 27B"}, *told)
	assert.EqualValues(t, 1, a.Counts.BadRecord.Load())
	assert.EqualValues(t, 1, a.Counts.BadRequest.Load())
	assert.EqualValues(t, 1, a.Counts.BadResponse.Load())
	assert.EqualValues(t, 1, a.Counts.Orphaned.Load())
}

func TestRecordsOfAnotherExchangeChangeNothing(t *testing.T) {
	a, told := newRecorded(settings)
	c := &connection{cookie: 1}
	run(a, told, c.exchange(10, 20, get, five, 0), base(event.Progress, 1, 30, 99, 7, 0), base(event.End, 1, 30, 99, 7, event.Reset))
	assert.Empty(t, *told)
	assert.EqualValues(t, 1, a.Counts.Open.Load())
}

func TestABodyMayLookLikeAStatusLine(t *testing.T) {
	a, told := newRecorded(settings)
	c := &connection{cookie: 1}
	long := "HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\n"
	run(a, told, c.exchange(10, 20, get, long, 0), c.response(30, "HTTP/1.1 200 OK\r\n"), c.progress(40, 16, 0))
	assert.Equal(t, []string{"GET /a 200: 10 20 40 72B"}, *told)
	assert.Zero(t, a.Counts.Unaligned.Load())
}

func TestAStatusLineThatNobodyWaitsForIsALostExchange(t *testing.T) {
	for name, first := range map[string]string{
		"after a complete response":           empty,
		"after one whose end cannot be known": "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 300) + "\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			a, told := newRecorded(settings)
			c := &connection{cookie: 1}
			run(a, told, c.exchange(10, 20, get, first, 0), c.response(30, five))
			assert.Len(t, *told, 1)
			assert.EqualValues(t, 1, a.Counts.Unaligned.Load())
		})
	}
}

func TestTheClockFollowsTheCalendar(t *testing.T) {
	var c Clock
	c.Set(1000, 5000)
	assert.EqualValues(t, 5100, c.Unix(1100))
	assert.Zero(t, c.Unix(0), "what was not observed stays so")
}

func FuzzAssembler(f *testing.F) {
	c := &connection{cookie: 1}
	f.Add(c.exchange(10, 20, get, five, 0), c.progress(30, 5, 0))
	f.Add(c.exchange(10, 20, post, interim, 0), c.response(30, five))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		a, told := newRecorded(settings)
		run(a, told, first, second)
		a.Close()
		if len(*told) > 2 {
			t.Fatalf("two records became %d exchanges", len(*told))
		}
	})
}

func BenchmarkAssembler(b *testing.B) {
	a := New(settings, &Clock{}, func(*protocol.Exchange) {})
	record := (&connection{cookie: 1}).exchange(10, 20, get, five+"hello", 0)
	b.ReportAllocs()
	b.SetBytes(int64(len(record)))
	for b.Loop() {
		a.Record(record)
	}
}
