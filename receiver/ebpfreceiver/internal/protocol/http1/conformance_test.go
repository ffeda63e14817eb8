// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/protocoltest"
)

// oddities are messages that real peers do not send; those that they send are in testdata.
var oddities = []string{
	"GET / HTTP/1.1\r\n\r\n",
	"GET /a b HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
	"GET / HTTP/1.1\nhost:a\n  b\nnonsense\n\n",
	"\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
	"PUT / HTTP/1.1\r\nTransfer-Encoding: gzip,\r\n chunked\r\nExpect: 100-continue\r\n\r\n0\r\n\r\n",
	"CONNECT [::1]:443 HTTP/1.0\r\ntraceparent: a\r\ntraceparent: b\r\ntracestate: c\r\n\r\n",
	"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade, close\r\nUpgrade: a\r\n\r\n",
	"GET / HTTP/1.1\r\nb3: 0\r\nX-B3-TraceId: a\r\nX-B3-SpanId: b\r\nX-B3-Sampled: 1\r\nX-B3-SpanId: c\r\n\r\n",
	"HTTP/1.0 404\r\nContent-Length : 5\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked;a=b, \r\n\r\n5\r\nhello\r\n0\r\n\r\n",
}

// recorded returns what real clients and servers sent, as files of testdata whose names begin with kind.
func recorded(tb testing.TB, kind string) []string {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", kind+"_*.http"))
	require.NoError(tb, err)
	require.NotEmpty(tb, files)
	var heads []string
	for _, file := range files {
		head, err := os.ReadFile(file)
		require.NoError(tb, err)
		require.True(tb, bytes.HasSuffix(head, []byte("\r\n\r\n")), "%s lost its line ends", file)
		heads = append(heads, string(head))
	}
	return heads
}

// put adds a text that was seen, and flag one that is true.
func put(fields map[string]string, name string, value []byte) {
	if len(value) > 0 {
		fields[name] = string(value)
	}
}

func flag(fields map[string]string, name string, value bool) {
	if value {
		fields[name] = "true"
	}
}

// sharedFacts adds what requests and responses share.
func sharedFacts(fields map[string]string, f *Fields) {
	if f.ContentLength >= 0 {
		fields["length"] = strconv.FormatInt(f.ContentLength, 10)
	}
	flag(fields, "chunked", f.Chunked)
	flag(fields, "te", f.TransferEncoding)
	flag(fields, "close", f.Close)
	flag(fields, "keep-alive", f.KeepAlive)
	flag(fields, "upgrade", f.Upgrade)
}

// requestFacts parses a request for the conformance suite.
func requestFacts(head []byte) protocoltest.Facts {
	var r Request
	err := ParseRequest(head, &r)
	fields := map[string]string{}
	if fatal(err) {
		return protocoltest.Facts{Fields: fields, Err: err}
	}
	put(fields, "method", r.Method)
	put(fields, "target", r.Target)
	put(fields, "host", r.Host)
	put(fields, "agent", r.UserAgent)
	put(fields, "parent", r.TraceParent)
	put(fields, "state", r.TraceState)
	put(fields, "b3", r.B3)
	put(fields, "b3 trace", r.B3TraceID)
	put(fields, "b3 span", r.B3SpanID)
	put(fields, "b3 sampled", r.B3Sampled)
	flag(fields, "expect", r.ExpectContinue)
	if !r.TargetCut {
		fields["minor"] = strconv.Itoa(int(r.Minor))
	}
	sharedFacts(fields, &r.Fields)
	return protocoltest.Facts{Fields: fields, Consumed: r.HeadLen, Complete: r.Complete, Err: err}
}

// responseFacts parses a response for the conformance suite.
func responseFacts(head []byte) protocoltest.Facts {
	var r Response
	err := ParseResponse(head, &r)
	fields := map[string]string{}
	if fatal(err) {
		return protocoltest.Facts{Fields: fields, Err: err}
	}
	fields["status"] = strconv.Itoa(int(r.Status))
	fields["minor"] = strconv.Itoa(int(r.Minor))
	sharedFacts(fields, &r.Fields)
	return protocoltest.Facts{Fields: fields, Consumed: r.HeadLen, Complete: r.Complete, Err: err}
}

func fatal(err error) bool { return errors.Is(err, ErrStartLine) || errors.Is(err, ErrCut) }

func needsMore(err error) bool { return errors.Is(err, ErrCut) }

// requests describes the request parser. A later line may take back two facts: a second traceparent leaves none, a
// coding may follow `chunked`.
func requests(seeds []string) protocoltest.Parser {
	return protocoltest.Parser{
		Parse:     requestFacts,
		Bare:      func(head []byte) { var r Request; _ = ParseRequest(head, &r) },
		NeedsMore: needsMore,
		Fatal:     fatal,
		Growing:   []string{"target"},
		Revoked:   []string{"parent", "chunked"},
		Seeds:     seeds,
	}
}

// responses describes the response parser.
func responses(seeds []string) protocoltest.Parser {
	return protocoltest.Parser{
		Parse:     responseFacts,
		Bare:      func(head []byte) { var r Response; _ = ParseResponse(head, &r) },
		NeedsMore: needsMore,
		Fatal:     fatal,
		Revoked:   []string{"chunked"},
		Seeds:     seeds,
	}
}

func TestRequestsConform(t *testing.T) {
	protocoltest.Run(t, requests(append(recorded(t, "request"), oddities...)))
}

func TestResponsesConform(t *testing.T) {
	protocoltest.Run(t, responses(append(recorded(t, "response"), oddities...)))
}

func TestRecordedHeadsAreWholeAndDetected(t *testing.T) {
	for _, head := range recorded(t, "request") {
		var r Request
		require.NoError(t, ParseRequest([]byte(head), &r), head)
		assert.Equal(t, len(head), r.HeadLen)
		assert.True(t, IsRequest([]byte(head[:8])), head)
		assert.NotEqual(t, Unknown, RequestBody(&r).Framing, head)
	}
	for _, head := range recorded(t, "response") {
		var r Response
		require.NoError(t, ParseResponse([]byte(head), &r), head)
		assert.Equal(t, len(head), r.HeadLen)
		assert.True(t, IsResponse([]byte(head[:8])), head)
		assert.NotEqual(t, Unknown, ResponseBody([]byte("GET"), &r).Framing, head)
	}
}
