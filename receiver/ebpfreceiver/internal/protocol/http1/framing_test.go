// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lenient says whether a parser's error leaves a result that may be used.
func lenient(err error) bool {
	return err == nil || errors.Is(err, ErrField) || errors.Is(err, ErrContentLength)
}

func TestRequestBody(t *testing.T) {
	tests := map[string]struct {
		head string
		want Body
	}{
		"nothing said is empty":                {crlf("GET / HTTP/1.1", ""), Body{Framing: Empty}},
		"a length":                             {crlf("PUT / HTTP/1.1", "Content-Length: 9", ""), Body{9, Length}},
		"chunked":                              {crlf("PUT / HTTP/1.1", "Transfer-Encoding: chunked", ""), Body{Framing: Chunked}},
		"chunked wins over a length":           {crlf("PUT / HTTP/1.1", "Content-Length: 9", "Transfer-Encoding: chunked", ""), Body{Framing: Chunked}},
		"a coding that is not chunked":         {crlf("PUT / HTTP/1.1", "Transfer-Encoding: gzip", ""), Body{}},
		"a coding in HTTP/1.0":                 {crlf("PUT / HTTP/1.0", "Transfer-Encoding: chunked", ""), Body{}},
		"a bad length":                         {crlf("PUT / HTTP/1.1", "Content-Length: 9, 8", ""), Body{}},
		"a cut head that said nothing so far":  {"PUT / HTTP/1.1\r\nHost: a\r\nX", Body{}},
		"a cut head that named a length":       {"PUT / HTTP/1.1\r\nContent-Length: 9\r\nX", Body{9, Length}},
		"a cut head whose length may continue": {"PUT / HTTP/1.1\r\nContent-Length: 9\r\n", Body{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var r Request
			require.True(t, lenient(ParseRequest([]byte(test.head), &r)))
			assert.Equal(t, test.want, RequestBody(&r))
		})
	}
}

func TestResponseBody(t *testing.T) {
	const length = "Content-Length: 9"
	tests := map[string]struct {
		method string
		head   string
		want   Body
	}{
		"a length":                               {"GET", crlf("HTTP/1.1 200 OK", length, ""), Body{9, Length}},
		"a length of zero":                       {"GET", crlf("HTTP/1.1 200 OK", "Content-Length: 0", ""), Body{0, Length}},
		"nothing said is until close":            {"GET", crlf("HTTP/1.1 200 OK", ""), Body{Framing: UntilClose}},
		"chunked":                                {"GET", crlf("HTTP/1.1 200 OK", "Transfer-Encoding: gzip, chunked", ""), Body{Framing: Chunked}},
		"chunked wins over a length":             {"GET", crlf("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", length, ""), Body{Framing: Chunked}},
		"a coding that is not chunked":           {"GET", crlf("HTTP/1.1 200 OK", "Transfer-Encoding: gzip", length, ""), Body{Framing: UntilClose}},
		"a coding in HTTP/1.0":                   {"GET", crlf("HTTP/1.0 200 OK", "Transfer-Encoding: chunked", ""), Body{Framing: UntilClose}},
		"a bad length":                           {"GET", crlf("HTTP/1.1 200 OK", "Content-Length: -1", ""), Body{}},
		"HEAD has no body whatever it says":      {"HEAD", crlf("HTTP/1.1 200 OK", length, ""), Body{Framing: Empty}},
		"100 has no body":                        {"POST", crlf("HTTP/1.1 100 Continue", ""), Body{Framing: Empty}},
		"204 has no body":                        {"GET", crlf("HTTP/1.1 204 No Content", ""), Body{Framing: Empty}},
		"304 has no body whatever it says":       {"GET", crlf("HTTP/1.1 304 Not Modified", length, ""), Body{Framing: Empty}},
		"101 leaves HTTP":                        {"GET", crlf("HTTP/1.1 101 Switching Protocols", ""), Body{Framing: Tunnel}},
		"200 to CONNECT leaves HTTP":             {"CONNECT", crlf("HTTP/1.1 200 OK", length, ""), Body{Framing: Tunnel}},
		"407 to CONNECT does not":                {"CONNECT", crlf("HTTP/1.1 407 X", length, ""), Body{9, Length}},
		"a cut head that said nothing so far":    {"GET", "HTTP/1.1 200 OK\r\nServer: a\r\nX", Body{}},
		"a cut head of 304":                      {"GET", "HTTP/1.1 304 Not Modified\r\nServer: a\r\nX", Body{Framing: Empty}},
		"a cut head that named a length":         {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nX", Body{9, Length}},
		"a cut head that named chunked":          {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX", Body{Framing: Chunked}},
		"a cut head that may still name chunked": {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nX", Body{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var r Response
			require.True(t, lenient(ParseResponse([]byte(test.head), &r)))
			assert.Equal(t, test.want, ResponseBody([]byte(test.method), &r))
		})
	}
}
