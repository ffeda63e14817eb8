// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkParseRequest parses what curl and wrk send.
func BenchmarkParseRequest(b *testing.B) {
	for _, name := range []string{"curl_get", "curl_post", "wrk"} {
		head, err := os.ReadFile(filepath.Join("testdata", "request_"+name+".http"))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			var r Request
			b.ReportAllocs()
			b.SetBytes(int64(len(head)))
			for b.Loop() {
				if err := ParseRequest(head, &r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParseResponse parses what nginx and Go send.
func BenchmarkParseResponse(b *testing.B) {
	for _, name := range []string{"nginx_403", "go_chunked"} {
		head, err := os.ReadFile(filepath.Join("testdata", "response_"+name+".http"))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			var r Response
			b.ReportAllocs()
			b.SetBytes(int64(len(head)))
			for b.Loop() {
				if err := ParseResponse(head, &r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkIsRequest looks at the first bytes of a message, as it is done once a connection.
func BenchmarkIsRequest(b *testing.B) {
	prefix := []byte("DELETE /cart/7 HTTP/1.1\r\n")
	b.ReportAllocs()
	b.SetBytes(int64(len(prefix)))
	for b.Loop() {
		if !IsRequest(prefix) {
			b.Fatal("not a request")
		}
	}
}
