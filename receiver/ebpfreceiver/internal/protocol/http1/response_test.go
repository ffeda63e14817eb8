// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseResponse(t *testing.T) {
	tests := map[string]struct {
		head string
		want map[string]string
		err  error
	}{
		"a whole head gives every fact": {
			head: crlf("HTTP/1.1 200 OK", "Content-Length: 2", "Connection: close", ""),
			want: map[string]string{"status": "200", "minor": "1", "length": "2", "close": "true"},
		},
		"a reason may be empty or missing": {
			head: crlf("HTTP/1.0 404", ""),
			want: map[string]string{"status": "404", "minor": "0"},
		},
		"chunked in any case and with a parameter": {
			head: crlf("HTTP/1.1 200 OK", "transfer-ENCODING: Chunked;q=1 ,", ""),
			want: map[string]string{"status": "200", "minor": "1", "te": "true", "chunked": "true"},
		},
		"the last coding of several lines counts": {
			head: crlf("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip", ""),
			want: map[string]string{"status": "200", "minor": "1", "te": "true"},
		},
		"an upgrade": {
			head: crlf("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", ""),
			want: map[string]string{"status": "101", "minor": "1", "upgrade": "true"},
		},
		"a reason beyond ASCII": {
			head: crlf("HTTP/1.1 404 pas trouv\xe9", ""),
			want: map[string]string{"status": "404", "minor": "1"},
		},
		"a bad length is an error and the rest counts": {
			head: crlf("HTTP/1.1 200 OK", "Content-Length: x", "Connection: close", ""),
			want: map[string]string{"status": "200", "minor": "1", "close": "true"},
			err:  ErrContentLength,
		},
		"a line without colon is an error and the rest counts": {
			head: crlf("HTTP/1.1 200 OK", "x", "Connection: keep-alive", ""),
			want: map[string]string{"status": "200", "minor": "1", "keep-alive": "true"},
			err:  ErrField,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			facts := responseFacts([]byte(test.head))
			require.Equal(t, test.err, facts.Err)
			assert.Equal(t, test.want, facts.Fields)
			assert.True(t, facts.Complete)
			assert.Equal(t, len(test.head), facts.Consumed)
		})
	}
}

func TestParseResponseOfCutHead(t *testing.T) {
	for head, status := range map[string]uint16{
		"HTTP/1.1 200":                             200,
		"HTTP/1.1 404 Not F":                       404,
		"HTTP/1.1 500 X\r\nContent-Le":             500,
		"HTTP/1.1 500 X\r\nA: b\r\nContent-Length": 500,
	} {
		var r Response
		require.NoError(t, ParseResponse([]byte(head), &r), head)
		assert.Equal(t, status, r.Status)
		assert.False(t, r.Complete)
		assert.EqualValues(t, -1, r.ContentLength)
	}
	for _, head := range []string{"", "HTT", "HTTP/1.", "HTTP/1.1", "HTTP/1.1 20"} {
		var r Response
		require.ErrorIs(t, ParseResponse([]byte(head), &r), ErrCut, head)
	}
}

func TestParseResponseRefuses(t *testing.T) {
	for name, head := range map[string]string{
		"a request":                 "GET / HTTP/1.1\r\n\r\n",
		"HTTP/2":                    "HTTP/2.0 200 OK\r\n\r\n",
		"a status below 100":        "HTTP/1.1 099 X\r\n\r\n",
		"a status of two digits":    "HTTP/1.1 20\r\n\r\n",
		"a status of four digits":   "HTTP/1.1 2000\r\n\r\n",
		"a status with letters":     "HTTP/1.1 2x0 OK\r\n\r\n",
		"no space behind a version": "HTTP/1.1-200 OK\r\n\r\n",
		"control bytes in a reason": "HTTP/1.1 200 O\x00K\r\n\r\n",
		"RTSP":                      "RTSP/1.0 200 OK\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := Response{Status: 7}
			require.ErrorIs(t, ParseResponse([]byte(head), &r), ErrStartLine)
			assert.Zero(t, r.Status)
		})
	}
}
