// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestIsRequest(t *testing.T) {
	for prefix, want := range map[string]bool{
		"GET /":                    true,
		"OPTIONS *":                true,
		"CONNECT a:443":            true,
		"CONNECT [::1]:443":        true,
		"GET http://a/":            true,
		"QUERY /a":                 true,
		"PROPFIND / HTTP/1.1\r\n":  true,
		"PROPFIND / HTTP/1.1":      false, // its line's end decides
		"GET":                      false,
		"GET ":                     false,
		"GET \x00":                 false,
		"get /":                    false,
		"":                         false,
		"PRI * HTTP/2.0\r\n\r\nSM": false,
		"HTTP/1.1 200 OK\r\n":      false,
		"\x16\x03\x01":             false,
		"*1\r\n$4\r\nPING\r\n":     false,
		"USER anonymous\r\n":       false,
		"EHLO a HTTP/1.1 b\r\n":    false,
	} {
		assert.Equal(t, want, IsRequest([]byte(prefix)), prefix)
	}
}

func TestIsResponse(t *testing.T) {
	for prefix, want := range map[string]bool{
		"HTTP/1.1 200 OK": true, "HTTP/1.0": true, "HTTP/1.": true,
		"HTTP/1": false, "HTTP/2.0 200": false, "http/1.1": false, "": false, "GET /": false,
	} {
		assert.Equal(t, want, IsResponse([]byte(prefix)), prefix)
	}
}
