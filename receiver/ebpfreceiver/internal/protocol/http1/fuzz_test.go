// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bufio"
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/protocoltest"
)

// longest bounds fuzz inputs: every prefix is parsed, and the kernel hands over no more.
const longest = 512

func FuzzParseRequest(f *testing.F) {
	seeds := append(recorded(f, "request"), oddities...)
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	parser := requests(seeds)
	f.Fuzz(func(t *testing.T, head []byte) {
		head = head[:min(len(head), longest)]
		protocoltest.Check(t, parser, head)
		compareRequest(t, head)
	})
}

func FuzzParseResponse(f *testing.F) {
	seeds := append(recorded(f, "response"), oddities...)
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	parser := responses(seeds)
	f.Fuzz(func(t *testing.T, head []byte) {
		head = head[:min(len(head), longest)]
		protocoltest.Check(t, parser, head)
		compareResponse(t, head)
	})
}

// TestAgreesWithNetHTTP is the comparison of the fuzz targets on seeds and changes of them, so that it runs in every
// test run.
func TestAgreesWithNetHTTP(t *testing.T) {
	for kind, compare := range map[string]func(*testing.T, []byte) bool{"request": compareRequest, "response": compareResponse} {
		both, seeds := 0, append(recorded(t, kind), oddities...)
		for _, seed := range seeds {
			if compare(t, []byte(seed)) {
				both++
			}
		}
		assert.GreaterOrEqual(t, both, 6, "%ss that both parsers accept", kind)
		for input := range protocoltest.Mutations(seeds) {
			if compare(t, input) {
				both++
			}
		}
		assert.GreaterOrEqual(t, both, 300, "%ss that both parsers accept", kind)
	}
}

// compareRequest compares ParseRequest with net/http where both accept head, and says whether they do.
func compareRequest(t *testing.T, head []byte) bool {
	t.Helper()
	var r Request
	if err := ParseRequest(head, &r); err != nil || !r.Complete {
		return false
	}
	input := bytes.NewReader(head)
	buffered := bufio.NewReaderSize(input, 2*longest)
	oracle, err := http.ReadRequest(buffered)
	if err != nil {
		return false
	}
	assert.Equal(t, len(head)-input.Len()-buffered.Buffered(), r.HeadLen)
	assert.Equal(t, oracle.Method, string(r.Method))
	assert.Equal(t, oracle.RequestURI, string(r.Target))
	assert.Equal(t, oracle.ProtoMinor, int(r.Minor))
	if oracle.URL.Host == "" {
		assert.Equal(t, flat(oracle.Host), flat(string(r.Host)))
	}
	compareText(t, oracle.Header, "User-Agent", r.UserAgent)
	compareText(t, oracle.Header, "Traceparent", r.TraceParent)
	compareText(t, oracle.Header, "Tracestate", r.TraceState)
	if r.Minor > 0 {
		compareBody(t, oracle.ContentLength, oracle.TransferEncoding, RequestBody(&r), Empty)
	}
	return true
}

// compareResponse compares ParseResponse with net/http where both accept head, and says whether they do.
func compareResponse(t *testing.T, head []byte) bool {
	t.Helper()
	var r Response
	if err := ParseResponse(head, &r); err != nil || !r.Complete {
		return false
	}
	input := bytes.NewReader(head)
	buffered := bufio.NewReaderSize(input, 2*longest)
	oracle, err := http.ReadResponse(buffered, &http.Request{Method: http.MethodGet})
	if err != nil {
		return false
	}
	defer func() { _ = oracle.Body.Close() }() // an error says that the input ends within the body, as most do
	assert.Equal(t, len(head)-input.Len()-buffered.Buffered(), r.HeadLen)
	assert.Equal(t, oracle.StatusCode, int(r.Status))
	assert.Equal(t, oracle.ProtoMinor, int(r.Minor))
	body := ResponseBody([]byte(http.MethodGet), &r)
	switch {
	case body.Framing == Tunnel || body.Framing == Empty:
		assert.Contains(t, []int64{0, -1}, oracle.ContentLength)
	case r.Minor > 0:
		compareBody(t, oracle.ContentLength, oracle.TransferEncoding, body, UntilClose)
	}
	return true
}

// compareBody compares a framing with what net/http makes of it; silent is the framing of a head that says nothing.
func compareBody(t *testing.T, length int64, codings []string, got Body, silent Framing) {
	t.Helper()
	switch {
	case slices.Equal(codings, []string{"chunked"}):
		assert.Equal(t, Body{Framing: Chunked}, got)
	case length > 0:
		assert.Equal(t, Body{Framing: Length, Length: length}, got)
	case length == 0:
		assert.Contains(t, []Body{{Framing: Empty}, {Framing: Length}}, got)
	default:
		assert.Equal(t, Body{Framing: silent}, got)
	}
}

// compareText holds a text field to be one of those that net/http found, if it was found.
func compareText(t *testing.T, header http.Header, name string, got []byte) {
	t.Helper()
	if len(got) == 0 {
		return
	}
	found := slices.ContainsFunc(header.Values(name), func(value string) bool { return flat(value) == flat(string(got)) })
	assert.True(t, found, "%s is %q, net/http has %q", name, got, header.Values(name))
}

// flat removes what the two parsers treat differently on purpose: bare CRs around a value.
func flat(value string) string { return strings.Trim(value, " \t\r\n") }
