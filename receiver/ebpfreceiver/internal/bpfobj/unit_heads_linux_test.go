// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/http1"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/protocoltest"
)

// These tests give the kernel's functions what package http1 conforms on: on the same bytes both must say the same.

// recorded returns what real programs sent, from files of a protocol's testdata.
func recorded(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "protocol", pattern))
	require.NoError(t, err)
	require.NotEmpty(t, files, pattern)
	var all []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		all = append(all, string(text))
	}
	return all
}

// heads are messages of HTTP/1, and what is nearly one.
func heads(t *testing.T) [][]byte {
	t.Helper()
	seeds := append(recorded(t, "http1/testdata/*.http"),
		"GET / HTTP/1.1\r\n\r\n", "CONNECT a:443 HTTP/1.0\r\nHost: a\r\n\r\n", "DELETE /a HTTP/1.1\r\n\r\n", "OPTIONS * HTTP/1.1\r\n\r\n",
		"TRACE / HTTP/1.1\r\n\r\n", "PATCH / HTTP/1.1\r\n\r\n", "PUT / HTTP/1.1\r\n\r\n", "HEAD / HTTP/1.1\r\n\r\n", "QUERY / HTTP/1.1\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n", "HTTP/1.0 404\r\nContent-Length: 5\r\n\r\n",
		"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 200\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length:12345678\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransferMode.dlna.org: Streaming\r\nContent-Length: 9\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX: a\r\nCONTENT-LENGTH: 7\r\nY: b\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Type: a\r\n\r\n")
	var all [][]byte
	for _, seed := range seeds {
		all = append(all, []byte(seed))
	}
	for mutation := range protocoltest.Mutations(seeds) {
		all = append(all, bytes.Clone(mutation))
	}
	return all
}

func TestKernelAndUserSpaceTellTheSameMessages(t *testing.T) {
	r := newRig(t, whole())
	requests, responses := 0, 0
	for _, payload := range heads(t) {
		if len(payload) < 8 || payload[0] == '\r' || payload[0] == '\n' {
			continue // too little for the kernel; and it does not look behind the empty line that nobody sends
		}
		found := r.ask(t, r.unit.ReadPacket, &unitUnit{}, segment{payload: payload}.packet())
		require.NotNil(t, found)
		require.Equal(t, http1.IsResponse(payload), found.Packet.Response != 0, "%q", payload)
		responses += int(found.Packet.Response)
		name, _, _ := bytes.Cut(payload, []byte(" "))
		if found.Packet.Method != 0 {
			requests++
			require.Equal(t, methodOf(string(name)), found.Packet.Method, "%q", payload)
		} else if http1.IsRequest(payload) {
			method := methodOf(string(name)) // the others need the beginning of a path
			require.True(t, method == 0 || method >= uint8(socketMethodMETHOD_OTHER), "%q", payload)
		}
	}
	assert.Greater(t, requests, 1000)
	assert.Greater(t, responses, 1000)
}

// answered is a connection whose response begins with head, behind a request of that many bytes.
func answered(request int, head []byte) *unitUnit {
	u := &unitUnit{}
	c := u.connection()
	c.Exchange.RequestLen = uint16(request)
	c.Exchange.ResponseLen = uint16(min(len(head), 256))
	copy(c.Data[request:], head[:c.Exchange.ResponseLen])
	return u
}

// wholeAfter says what package http1 leads to: whether a response that ended so, after so many bytes, was whole.
func wholeAfter(body http1.Body, head int, passed uint64, flags, ended event.Flags) bool {
	switch body.Framing {
	case http1.Length:
		return passed >= uint64(head)+uint64(body.Length)
	case http1.Chunked:
		return flags&event.ChunkEnd != 0
	case http1.UntilClose:
		return ended == event.Fin
	}
	return true
}

func TestKernelAndUserSpaceJudgeTheSame(t *testing.T) {
	r := newRig(t, whole())
	empty := segment{}.packet()
	judged := 0
	for _, message := range heads(t) {
		var response http1.Response
		if http1.ParseResponse(message, &response) != nil || !plainlyFramed(message, &response) {
			continue
		}
		for i, method := range []string{"GET", "HEAD", "CONNECT"} {
			body := http1.ResponseBody([]byte(method), &response)
			head, end := uint64(response.HeadLen), uint64(response.HeadLen)+uint64(body.Length)
			for _, passed := range []uint64{head, max(head, end-1), end} {
				for _, ended := range []event.Flags{event.Fin, event.Reset} {
					u := answered(480*(i%2), message)
					c := u.connection()
					flags := event.Flags(passed % 2) // ChunkEnd
					c.Status, c.Method = response.Status, methodOf(method)
					c.Exchange.Event.ResponseBytes, c.Exchange.Event.Flags, c.Ended = passed, uint8(flags), uint8(ended)
					found := r.ask(t, r.unit.Judge, u, empty)
					want := wholeAfter(body, response.HeadLen, passed, flags, ended)
					require.Equal(t, want, found.Judged.Failure == 0, "%s %q ended with %d after %d bytes", method, message, ended, passed)
					require.Equal(t, response.Status, found.Judged.Status, "%q", message)
					judged++
				}
			}
		}
	}
	assert.Greater(t, judged, 2000)
}

// others are the methods that the kernel knows and semantic conventions do not.
var others = []string{"PROPFIND", "PROPPATCH", "MKCOL", "MKCALENDAR", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "SEARCH", "PURGE"}

// methodOf returns the number that the kernel has for a method; 0 if it does not know it.
func methodOf(name string) uint8 {
	for number := socketMethodMETHOD_GET; number <= socketMethodMETHOD_QUERY; number++ {
		if methodName(number) == name {
			return uint8(number)
		}
	}
	if slices.Contains(others, name) {
		return uint8(socketMethodMETHOD_OTHER)
	}
	return 0
}

func TestMethodsThatAreKnownAreRecognized(t *testing.T) {
	r := newRig(t, whole())
	for _, name := range append(others, "GET", "PUT", "POST", "HEAD", "PATCH", "TRACE", "DELETE", "OPTIONS", "CONNECT", "QUERY") {
		found := r.ask(t, r.unit.ReadPacket, &unitUnit{}, segment{payload: []byte(name + " /a HTTP/1.1\r\n\r\n")}.packet())
		require.NotZero(t, methodOf(name), name)
		assert.Equal(t, methodOf(name), found.Packet.Method, name)
	}
	for _, text := range []string{"COPY t FROM stdin", "LOCK TABLES a", "QUERY SELECT 1", "REPORTED /", "MOVE\x00/aaa"} {
		found := r.ask(t, r.unit.ReadPacket, &unitUnit{}, segment{payload: []byte(text)}.packet())
		assert.Zero(t, found.Packet.Method, text)
	}
}

// lengthField is Content-Length as the kernel knows it.
var lengthField = regexp.MustCompile(`\ncontent-length: ?[0-9]+\r`)

// plainlyFramed says whether a response says where it ends in a way that the kernel knows: in a final head that is whole in what
// it captured, with one field that is written as servers write it. User space, which is asked about all others, knows more.
func plainlyFramed(message []byte, r *http1.Response) bool {
	if !r.Complete || r.HeadLen > 239 || r.Status/100 == 1 && r.Status != 101 {
		return false
	}
	head := bytes.ToLower(message[:r.HeadLen])
	lengths, encodings := bytes.Count(head, []byte("\ncontent-length")), bytes.Count(head, []byte("\ntransfer-encodin"))
	return head[0] == 'h' && bytes.HasSuffix(head, []byte("\n\r\n")) && lengths < 2 && encodings < 2 &&
		(r.ContentLength >= 0) == lengthField.Match(head) && r.TransferEncoding == (encodings == 1) &&
		r.TransferEncoding == r.Chunked && (!r.Chunked || r.Minor == 1)
}

// TestKernelAndUserSpaceFindTheSameTrace puts a traceparent at every place of a head, among fields made of its letters.
func TestKernelAndUserSpaceFindTheSameTrace(t *testing.T) {
	r := newRig(t, whole())
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for _, name := range []string{"traceparent: ", "Traceparent:", "TRACEPARENT: ", "traceparen: ", "xtraceparent: "} {
		for _, filler := range []string{"x", "traceparen", "nerapecart"} {
			for length := range 380 {
				head := "GET / HTTP/1.1\r\nA: " + strings.Repeat(filler, length)[:length] + "\r\n" + name + parent + "\r\nB: c\r\n\r\n"
				u := &unitUnit{}
				c := u.connection()
				c.Exchange.RequestLen = uint16(copy(c.Data[:480], head))
				var request http1.Request
				require.NoError(t, http1.ParseRequest([]byte(head)[:c.Exchange.RequestLen], &request))
				want := uint64(0)
				if len(request.TraceParent) > 0 && strings.Index(head, "\n"+name) <= 480-64 {
					bits, err := strconv.ParseUint(string(request.TraceParent[21:35]), 16, 64)
					require.NoError(t, err)
					want = bits
				}
				found := r.ask(t, r.unit.Judge, u, segment{}.packet())
				require.Equal(t, want, found.Judged.Trace, "%q", head)
			}
		}
	}
}

func TestDurationsGoToTheirBuckets(t *testing.T) {
	for _, count := range []int{1, 15, 16, 255} {
		t.Run(fmt.Sprint(count), func(t *testing.T) {
			settings := whole()
			settings.Limits = nil
			for i := range count {
				settings.Limits = append(settings.Limits, uint64(1000+i*i*7))
			}
			r := newRig(t, settings)
			ask := func(ns uint64) {
				u := &unitUnit{}
				u.Numbers.Ns = ns
				want := sort.Search(count, func(i int) bool { return settings.Limits[i] >= ns })
				require.EqualValues(t, want, r.ask(t, r.unit.LookAtNumbers, u, segment{}.packet()).Numbers.Bucket, "%d ns", ns)
			}
			for _, limit := range settings.Limits {
				for _, ns := range []uint64{limit - 1, limit, limit + 1} {
					ask(ns)
				}
			}
			ask(0)
			ask(1 << 61)
		})
	}
}
