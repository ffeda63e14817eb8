// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

const (
	questions = "GET /a HTTP/1.1\r\nHost: shop\r\n\r\nHEAD /b HTTP/1.1\r\n\r\n\r\n" +
		"POST /c HTTP/1.1\r\nContent-Length: 9\r\n\r\nGET /x HT" +
		"PUT /d HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nA: b\r\n\r\nGET /e HTTP/1.0\r\n\r\n"
	answers = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nHTTP/1.1 500HTTP/1.1 201 Created\r\nContent-Length: 7\r\n\r\n" +
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n" +
		"HTTP/1.1 204 Nothing\r\n\r\nHTTP/1.1 302 There\r\n\r\nuntil the end"
)

// say tells of bytes, in pieces of a size.
func (w *wire) say(client bool, text string, size int) {
	for len(text) > 0 {
		n := min(size, len(text))
		w.now++
		w.tracker.Record(w.raw(client, []byte(text[:n])))
		text = text[n:]
	}
}

// told returns what became of the exchanges.
func (s *seen) told() (labels []string) {
	for i := range s.exchanges {
		x := &s.exchanges[i]
		labels = append(labels, fmt.Sprintf("%s %s %d %s", x.HTTP.Method, x.HTTP.Target, x.HTTP.Status, x.Failure.ErrorType()))
	}
	return labels
}

func TestAnswersBelongToQuestionsInOrder(t *testing.T) {
	for size := 1; size < len(questions); size++ {
		w := newWire(defaults())
		w.open(0, event.Pipelined)
		w.say(true, questions, size)
		w.say(false, answers, size)
		w.now++
		w.tracker.Record(w.record(event.StreamEnd, false, event.Fin, 0, 0, nil))
		require.Equal(t, []string{"GET /a 200 ", "HEAD /b 201 ", "POST /c 404 ", "PUT /d 204 ", "GET /e 302 "}, w.seen.told(), "in pieces of %d", size)
		var received, sent uint64
		for _, x := range w.seen.exchanges {
			assert.True(t, x.Pipelined)
			assert.Equal(t, protocol.HTTP1, x.Kind)
			assert.Less(t, x.Start, x.FirstByte)
			assert.LessOrEqual(t, x.FirstByte, x.End)
			assert.EqualValues(t, 1000+strings.Index(questions, fmt.Sprintf("%s %s", x.HTTP.Method, x.HTTP.Target)), x.Place)
			received, sent = received+x.ResponseBytes, sent+x.RequestBytes
		}
		assert.EqualValues(t, len(answers), received)
		assert.EqualValues(t, len(questions)-2, sent, "an empty line before a request is none of it")
		assert.EqualValues(t, 4, w.tracker.Counts.Requests.Load(), "the kernel has counted the first")
		assert.Zero(t, w.tracker.Counts.Open.Load())
		assert.Zero(t, w.tracker.Counts.Connections.Load())
	}
}

// before tells of what had come before the connection was handed over, of which so many bytes were captured.
func (w *wire) before(text string, captured int) {
	w.open(0, event.Pipelined)
	from := w.at[index(true)]
	w.at[index(true)] += uint32(len(text))
	w.tracker.Record(w.record(event.StreamData, true, 0, from, w.at[index(true)], []byte(text[:min(captured, len(text))])))
}

func TestTheRequestThatCameBeforeTheHandOver(t *testing.T) {
	const captured = 60
	cookie := "GET /a HTTP/1.1\r\nCookie: " + strings.Repeat("y", captured) + "\r\n\r\n"
	upload := "POST /a HTTP/1.1\r\nContent-Length: 30\r\n\r\n" + strings.Repeat("z", 28)
	for name, test := range map[string]struct {
		before, then string
		told         []string
		missed       int
	}{
		"whole":                     {"GET /a HTTP/1.1\r\n\r\n", "", []string{"GET /a 200 "}, 0},
		"with another":              {"GET /a HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\n", "", []string{"GET /a 200 ", "GET /c 200 "}, 0},
		"with a body":               {"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "", []string{"POST /a 200 "}, 0},
		"with a body and another":   {"PUT /a HTTP/1.1\r\nContent-Length: 1\r\n\r\naGET /c HTTP/1.1\r\n\r\n", "", []string{"PUT /a 200 ", "GET /c 200 "}, 0},
		"with a body of chunks":     {"PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", []string{"PUT /a 200 "}, 0},
		"a body that goes on":       {upload, "zz", []string{"POST /a 200 "}, 0},
		"a body that has passed":    {upload + "zz", "", []string{"POST /a 200 "}, 0},
		"more than a body":          {upload + "zzGET /c HTTP/1.1\r\n\r\n", "", nil, 1},
		"more than a head":          {"GET /a HTTP/1.1\r\n\r\n" + cookie, "", nil, 1},
		"a head that was cut":       {cookie, "", nil, 1},
		"chunks that were not seen": {"PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n0\r\n\r\n", "", nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(defaults())
			w.before(test.before, captured)
			w.say(true, test.then+"GET /b HTTP/1.1\r\n\r\n", 100)
			w.say(false, strings.Repeat("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", len(test.told)), 1000)
			w.say(false, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", 1000)
			if test.missed > 0 {
				assert.Empty(t, w.seen.told())
				assert.EqualValues(t, test.missed+1, w.tracker.Counts.Missed.Load(), "and what came while nobody knew")
				return
			}
			assert.Equal(t, append(test.told, "GET /b 404 "), w.seen.told())
			sent := uint64(0)
			for _, x := range w.seen.exchanges {
				sent += x.RequestBytes
			}
			assert.EqualValues(t, len(test.before)+len(test.then)+len("GET /b HTTP/1.1\r\n\r\n"), sent)
		})
	}
}

func TestWhatWasMissedIsNotGuessed(t *testing.T) {
	const get, ok = "GET /a HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
	w := newWire(defaults())
	w.open(0, event.Pipelined)
	w.say(true, strings.Repeat(get, 3), 1000)
	w.say(false, ok, 1000)
	w.at[index(false)] += 50 // bytes that found no room
	w.say(false, ok, 1000)
	w.now += 3 * second
	w.say(false, ok, 1000)
	assert.Equal(t, []string{"GET /a 200 "}, w.seen.told())
	assert.EqualValues(t, 2, w.tracker.Counts.Missed.Load())
	w.say(true, get, 1000)
	assert.EqualValues(t, 3, w.tracker.Counts.Missed.Load(), "as long as the client goes on, nobody knows")
	w.now += 2 * second
	w.say(true, strings.Replace(get, "/a", "/b", 1), 1000)
	w.say(false, ok, 1000)
	assert.Equal(t, []string{"GET /a 200 ", "GET /b 200 "}, w.seen.told())
	assert.EqualValues(t, 4, w.tracker.Counts.Requests.Load())
}

func TestUnansweredRequestsEndWithTheirConnection(t *testing.T) {
	w := newWire(defaults())
	w.open(0, event.Pipelined)
	w.say(true, strings.Repeat("GET /a HTTP/1.1\r\n\r\n", 3), 1000)
	w.say(false, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", 1000)
	w.tracker.Record(w.record(event.StreamEnd, false, event.Reset, 0, 0, nil))
	assert.Equal(t, []string{"GET /a 200 connection_reset", "GET /a 0 connection_reset", "GET /a 0 connection_reset"}, w.seen.told())
}

func TestALatePipelinedAnswerIsNoOtherOnes(t *testing.T) {
	w := newWire(defaults())
	w.open(0, event.Pipelined)
	w.say(true, "GET /a HTTP/1.1\r\n\r\n", 1000)
	w.now += uint64(defaults().Timeout) - second
	w.say(true, "GET /b HTTP/1.1\r\n\r\n", 1000)
	w.tracker.Expire(w.now + 2*uint64(time.Second))
	w.say(false, strings.Repeat("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 2), 1000)
	assert.Equal(t, []string{"GET /a 0 timeout", "GET /b 200 "}, w.seen.told())
	assert.EqualValues(t, 1, w.tracker.Counts.TimedOut.Load())
}

// FuzzPipeline says the same bytes at once and in pieces, which gives the same exchanges and leaves nothing open. Some had come
// before the hand-over: where all of these were captured, that makes no difference either.
func FuzzPipeline(f *testing.F) {
	f.Add(questions, answers, 7, 0, 0)
	f.Add(questions, answers, 7, 100, 100)
	f.Add("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n", "HTTP/1.1 101 No\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 1, 0, 0)
	f.Add("PUT /a HTTP/1.1\r\nContent-Length: 1\r\n\r\nabc\r\n\r\nGET /b HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", 9, 48, 47)
	f.Fuzz(func(t *testing.T, questions, answers string, size, early, captured int) {
		size, early = max(1, size), max(0, min(early, len(questions)))
		captured = max(0, min(captured, early))
		var told [2][]string
		for i, size := range []int{len(questions) + len(answers), size} {
			w := newWire(defaults())
			if i == 0 && captured == early {
				w.open(0, event.Pipelined)
				w.say(true, questions, size)
			} else {
				w.before(questions[:early], captured)
				w.say(true, questions[early:], size)
			}
			w.say(false, answers, size)
			w.tracker.Record(w.record(event.StreamEnd, false, event.Fin, 0, 0, nil))
			told[i] = w.seen.told()
			w.tracker.Close()
			assert.Zero(t, w.tracker.Counts.Open.Load())
			assert.Zero(t, w.tracker.Counts.Memory.Load())
		}
		assert.Equal(t, told[0], told[1])
	})
}

func BenchmarkPipeline(b *testing.B) {
	w := newWire(defaults())
	w.open(0, event.Pipelined)
	get, ok := []byte(strings.Repeat("GET /a HTTP/1.1\r\nHost: shop\r\n\r\n", 16)), []byte(strings.Repeat("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 16))
	w.tracker.sink = discard{}
	b.ReportAllocs()
	for b.Loop() {
		w.tracker.Record(w.raw(true, get))
		w.tracker.Record(w.raw(false, ok))
	}
}

type discard struct{}

func (discard) Exchange(*protocol.Exchange) {}
func (discard) Handshake(*Handshake)        {}
