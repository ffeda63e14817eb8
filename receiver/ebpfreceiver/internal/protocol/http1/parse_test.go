// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// crlf writes a head with CRLF line ends.
func crlf(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n" }

func TestParseRequest(t *testing.T) {
	tests := map[string]struct {
		head string
		want map[string]string
		err  error
	}{
		"a whole head gives every fact": {
			head: crlf("POST /cart?id=7 HTTP/1.1", "Host: shop.example:8080", "User-Agent: curl/8.1 (x; y)", "Content-Length: 17",
				"traceparent: 00-4bf9-00f0-01", "TraceState: ot=th:8,a=b", "Expect: 100-Continue", "Connection: keep-alive, Upgrade",
				"Upgrade: websocket", ""),
			want: map[string]string{
				"method": "POST", "target": "/cart?id=7", "minor": "1", "host": "shop.example:8080", "agent": "curl/8.1 (x; y)",
				"parent": "00-4bf9-00f0-01", "state": "ot=th:8,a=b", "expect": "true", "upgrade": "true", "length": "17", "keep-alive": "true",
			},
		},
		"a head without fields is whole": {
			head: crlf("GET / HTTP/1.0", ""),
			want: map[string]string{"method": "GET", "target": "/", "minor": "0"},
		},
		"absolute form": {
			head: crlf("GET http://user:pw@shop.example/a?b HTTP/1.1", "Host: other", ""),
			want: map[string]string{"method": "GET", "target": "http://user:pw@shop.example/a?b", "minor": "1", "host": "other"},
		},
		"authority form": {
			head: crlf("CONNECT shop.example:443 HTTP/1.1", ""),
			want: map[string]string{"method": "CONNECT", "target": "shop.example:443", "minor": "1"},
		},
		"asterisk form": {
			head: crlf("OPTIONS * HTTP/1.1", ""),
			want: map[string]string{"method": "OPTIONS", "target": "*", "minor": "1"},
		},
		"an unknown method is a method": {
			head: crlf("PROPFIND /dav HTTP/1.1", ""),
			want: map[string]string{"method": "PROPFIND", "target": "/dav", "minor": "1"},
		},
		"single LFs end lines": {
			head: "GET / HTTP/1.1\nHost: a\n\n",
			want: map[string]string{"method": "GET", "target": "/", "minor": "1", "host": "a"},
		},
		"empty lines in front are skipped": {
			head: "\r\n\nGET / HTTP/1.1\r\n\r\n",
			want: map[string]string{"method": "GET", "target": "/", "minor": "1"},
		},
		"white space around values is not part of them": {
			head: crlf("GET / HTTP/1.1", "Host:a", "User-Agent: \t b \t", ""),
			want: map[string]string{"method": "GET", "target": "/", "minor": "1", "host": "a", "agent": "b"},
		},
		"a fold before the value is white space": {
			head: crlf("GET / HTTP/1.1", "User-Agent:", "  b", "Host: a", ""),
			want: map[string]string{"method": "GET", "target": "/", "minor": "1", "host": "a", "agent": "b"},
		},
		"a fold within a value leaves it out": {
			head: crlf("GET / HTTP/1.1", "User-Agent: a", "\tb", "Host: a", ""),
			want: map[string]string{"method": "GET", "target": "/", "minor": "1", "host": "a"},
		},
		"a fold within a list is white space": {
			head: crlf("POST / HTTP/1.1", "Transfer-Encoding: gzip,", " chunked", ""),
			want: map[string]string{"method": "POST", "target": "/", "minor": "1", "te": "true", "chunked": "true"},
		},
		"the first of two user agents counts": {
			head: crlf("GET / HTTP/1.1", "User-Agent: a", "User-Agent: b", ""),
			want: map[string]string{"method": "GET", "target": "/", "minor": "1", "agent": "a"},
		},
		"two traceparents leave none": {
			head: crlf("GET / HTTP/1.1", "traceparent: a", "traceparent: a", "traceparent: c", ""),
			want: map[string]string{"method": "GET", "target": "/", "minor": "1"},
		},
		"two equal hosts are one": {
			head: crlf("GET / HTTP/1.1", "Host: a", "host: a", ""),
			want: map[string]string{"method": "GET", "target": "/", "minor": "1", "host": "a"},
		},
		"two different hosts leave none": {
			head: crlf("GET / HTTP/1.1", "Host: a", "Host: b", "Host: a", ""),
			want: map[string]string{"method": "GET", "target": "/", "minor": "1"},
			err:  ErrField,
		},
		"a line without colon is an error and the rest counts": {
			head: crlf("GET / HTTP/1.1", "nonsense", "Host: a", ""),
			want: map[string]string{"method": "GET", "target": "/", "minor": "1", "host": "a"},
			err:  ErrField,
		},
		"a blank before the colon is an error": {
			head: crlf("POST / HTTP/1.1", "Content-Length : 5", ""),
			want: map[string]string{"method": "POST", "target": "/", "minor": "1"},
			err:  ErrField,
		},
		"a first field line that is indented is an error": {
			head: crlf("GET / HTTP/1.1", " Host: a", ""),
			want: map[string]string{"method": "GET", "target": "/", "minor": "1"},
			err:  ErrField,
		},
		"a space in the target is part of it": {
			head: crlf("GET /a b HTTP/1.1", ""),
			want: map[string]string{"method": "GET", "target": "/a b", "minor": "1"},
		},
		"the same length twice is that length": {
			head: crlf("POST / HTTP/1.1", "Content-Length: 5, 5", "Content-Length: 5", ""),
			want: map[string]string{"method": "POST", "target": "/", "minor": "1", "length": "5"},
		},
		"two lengths are an error": {
			head: crlf("POST / HTTP/1.1", "Content-Length: 5", "Content-Length: 6", "Content-Length: 5", "Host: a", ""),
			want: map[string]string{"method": "POST", "target": "/", "minor": "1", "host": "a"},
			err:  ErrContentLength,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			facts := requestFacts([]byte(test.head))
			require.Equal(t, test.err, facts.Err)
			assert.Equal(t, test.want, facts.Fields)
			assert.True(t, facts.Complete)
			assert.Equal(t, len(test.head), facts.Consumed)
		})
	}
}

func TestParseRequestOfCutHead(t *testing.T) {
	tests := map[string]struct {
		head string
		want map[string]string
		err  error
	}{
		"nothing":                            {head: "", err: ErrCut},
		"within the method":                  {head: "GE", err: ErrCut},
		"behind the method":                  {head: "GET ", err: ErrCut},
		"within an unknown method's target":  {head: "PROPFIND /a", err: ErrCut},
		"within the target":                  {head: "GET /ca", want: map[string]string{"method": "GET", "target": "/ca"}},
		"within the version":                 {head: "GET /cart HTT", want: map[string]string{"method": "GET", "target": "/cart"}},
		"behind the version":                 {head: "GET /cart HTTP/1.1", want: map[string]string{"method": "GET", "target": "/cart"}},
		"within the CRLF":                    {head: "GET /cart HTTP/1.1\r", want: map[string]string{"method": "GET", "target": "/cart"}},
		"within a value":                     {head: "GET /c HTTP/1.1\r\nHost: sho", want: map[string]string{"method": "GET", "target": "/c", "minor": "1"}},
		"behind a line that may be folded":   {head: "GET /c HTTP/1.1\r\nHost: a\r\n", want: map[string]string{"method": "GET", "target": "/c", "minor": "1"}},
		"behind a line that is not folded":   {head: "GET /c HTTP/1.1\r\nHost: a\r\nU", want: map[string]string{"method": "GET", "target": "/c", "minor": "1", "host": "a"}},
		"before the last LF of the head":     {head: "GET /c HTTP/1.1\r\nHost: a\r\n\r", want: map[string]string{"method": "GET", "target": "/c", "minor": "1", "host": "a"}},
		"within a method too long to be one": {head: strings.Repeat("A", 30), err: ErrStartLine},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			facts := requestFacts([]byte(test.head))
			require.Equal(t, test.err, facts.Err)
			assert.False(t, facts.Complete)
			if test.err == nil {
				assert.Equal(t, test.want, facts.Fields)
			}
		})
	}
}

func TestParseRequestRefuses(t *testing.T) {
	for name, head := range map[string]string{
		"the HTTP/2 preface":            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"HTTP/0.9":                      "GET /\r\n",
		"a response":                    "HTTP/1.1 200 OK\r\n\r\n",
		"TLS":                           "\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
		"Redis":                         "*1\r\n$4\r\nPING\r\n",
		"SSH":                           "SSH-2.0-OpenSSH_9.2\r\n",
		"a target with control bytes":   "GET /\x00 HTTP/1.1\r\n\r\n",
		"a bare CR in the request line": "GET /\r HTTP/1.1\r\n\r\n",
		"no target":                     "GET  HTTP/1.1\r\n\r\n",
		"a second space":                "GET  / HTTP/1.1\r\n\r\n",
		"a method that is no token":     "G(T / HTTP/1.1\r\n\r\n",
		"a version of two digits":       "GET / HTTP/1.10\r\n\r\n",
		"a lower-case version":          "GET / http/1.1\r\n\r\n",
		"a method too long to be one":   strings.Repeat("A", 25) + " / HTTP/1.1\r\n\r\n",
		"one without its line's end":    strings.Repeat("A", 25) + " /",
		"a cut line with odd target":    "GET /\x7f",
	} {
		t.Run(name, func(t *testing.T) {
			var r Request
			require.ErrorIs(t, ParseRequest([]byte(head), &r), ErrStartLine)
		})
	}
}

func TestParseLength(t *testing.T) {
	for digits, want := range map[string]int64{
		"0": 0, "17": 17, "007": 7, "9223372036854775807": 9223372036854775807,
		"": -1, "+5": -1, "-5": -1, "5 5": -1, "0x5": -1, "9223372036854775808": -1, "99999999999999999999": -1, "5\r\n": -1,
	} {
		n, ok := parseLength([]byte(digits))
		assert.Equal(t, want >= 0, ok, digits)
		if ok {
			assert.Equal(t, want, n, digits)
		}
	}
}

func TestParseRequestForgetsWhatWasInTheResult(t *testing.T) {
	var r Request
	require.NoError(t, ParseRequest([]byte(crlf("POST /a HTTP/1.1", "Host: a", "Content-Length: 5", "traceparent: x", "")), &r))
	require.NoError(t, ParseRequest([]byte(crlf("GET /b HTTP/1.0", "")), &r))
	assert.Equal(t, Request{
		Method: []byte("GET"), Target: []byte("/b"), Fields: Fields{ContentLength: -1, HeadLen: 19, Complete: true},
	}, r)
}
