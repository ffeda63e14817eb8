// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package spans

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

func TestServer(t *testing.T) {
	tests := map[string]struct {
		method, target, host string
		cut                  bool
		address              string
		port                 int64
	}{
		"by Host":                         {"GET", "/", "shop.example:8080", false, "shop.example", 8080},
		"by Host, default port":           {"GET", "/", "shop.example", false, "shop.example", 80},
		"by Host, empty port":             {"GET", "/", "shop.example:", false, "shop.example", 80},
		"by Host, IPv4":                   {"GET", "/", "192.0.2.1:81", false, "192.0.2.1", 81},
		"by Host, IPv6":                   {"GET", "/", "[2001:db8::1]:81", false, "2001:db8::1", 81},
		"by Host, IPv6, default port":     {"GET", "/", "[2001:db8::1]", false, "2001:db8::1", 80},
		"by Host, user info aside":        {"GET", "/", "user:pw@shop.example", false, "shop.example", 80},
		"absolute target overrules":       {"GET", "http://pay.example/", "shop.example:8080", false, "pay.example", 80},
		"absolute target of https":        {"GET", "HTTPS://pay.example/", "shop.example", false, "pay.example", 443},
		"absolute target, unknown scheme": {"GET", "ftp://files.example/", "files.example", false, "files.example", -1},
		"authority target":                {"CONNECT", "pay.example:443", "", false, "pay.example", 443},
		"authority target without port":   {"CONNECT", "pay.example", "", false, "pay.example", -1},
		"authority target of HTTP/2":      {"CONNECT", "", "pay.example:443", false, "pay.example", 443},
		"authority target cut":            {"CONNECT", "pay.exam", "", true, "10.0.0.1", 8080},
		"absolute target cut in its host": {"GET", "http://pay.exam", "", true, "10.0.0.1", 8080},
		"absolute target cut behind it":   {"GET", "http://pay.example/a", "", true, "pay.example", 80},
		"no Host":                         {"GET", "/", "", false, "10.0.0.1", 8080},
		"a Host with a bad port":          {"GET", "/", "shop.example:http", false, "10.0.0.1", 8080},
		"a Host with a large port":        {"GET", "/", "shop.example:65536", false, "10.0.0.1", 8080},
		"a Host with a longer port":       {"GET", "/", "shop.example:000080", false, "10.0.0.1", 8080},
		"a Host of IPv6 without brackets": {"GET", "/", "2001:db8::1", false, "10.0.0.1", 8080},
		"a Host with an open bracket":     {"GET", "/", "[2001:db8::1", false, "10.0.0.1", 8080},
		"a Host with text behind it":      {"GET", "/", "[2001:db8::1]a", false, "10.0.0.1", 8080},
		"a Host with odd brackets":        {"GET", "/", "a]b", false, "10.0.0.1", 8080},
		"a Host that is a path":           {"GET", "/", "a/b?c", false, "10.0.0.1", 8080},
		"a Host that is two":              {"GET", "/", "a, b", false, "10.0.0.1", 8080},
		"a Host that is a port":           {"GET", "/", ":80", false, "10.0.0.1", 8080},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, side := range []protocol.Side{protocol.Server, protocol.Client} {
				span := build(side, func(x *protocol.Exchange) {
					x.HTTP.Method, x.HTTP.Target, x.HTTP.Host = []byte(test.method), []byte(test.target), []byte(test.host)
					x.HTTP.TargetCut = test.cut
				})
				attributes := span.Attributes().AsRaw()
				assert.Equal(t, test.address, attributes["server.address"], side)
				if test.port < 0 {
					assert.NotContains(t, attributes, "server.port")
				} else {
					assert.Equal(t, test.port, attributes["server.port"], side)
				}
			}
		})
	}
}

// A port that goes without saying is that of the scheme, whatever is spoken.
func TestTheDefaultPortIsThatOfTheScheme(t *testing.T) {
	for scheme, want := range map[string]any{"http": int64(80), "https": int64(443), "gopher": nil, "": int64(80), "a b": int64(80)} {
		for _, kind := range []protocol.Kind{protocol.HTTP2, protocol.GRPC} {
			span := build(protocol.Client, func(x *protocol.Exchange) {
				x.Kind, x.HTTP.Scheme, x.HTTP.Host = kind, []byte(scheme), []byte("shop.example")
			})
			assert.Equal(t, want, span.Attributes().AsRaw()["server.port"], "%s %d", scheme, kind)
		}
	}
}

func TestURL(t *testing.T) {
	tests := map[string]struct{ method, target, host, full, path, scheme string }{
		"a path":                          {"GET", "/a/b", "shop.example", "http://shop.example/a/b", "/a/b", "http"},
		"a query is cut off":              {"GET", "/a?password=x", "shop.example", "http://shop.example/a", "/a", "http"},
		"a fragment is cut off":           {"GET", "/a#x?y", "shop.example", "http://shop.example/a", "/a", "http"},
		"percent-encoding is kept":        {"GET", "/a%20b%2fc", "shop.example", "http://shop.example/a%20b%2fc", "/a%20b%2fc", "http"},
		"a port that is not 80":           {"GET", "/", "shop.example:81", "http://shop.example:81/", "/", "http"},
		"port 80 goes without saying":     {"GET", "/", "shop.example:80", "http://shop.example/", "/", "http"},
		"IPv6":                            {"GET", "/", "[2001:db8::1]:81", "http://[2001:db8::1]:81/", "/", "http"},
		"the socket's address":            {"GET", "/", "", "http://10.0.0.1:8080/", "/", "http"},
		"asterisk":                        {"OPTIONS", "*", "shop.example", "http://shop.example", "*", "http"},
		"absolute":                        {"GET", "http://u:p@pay.example:81/a?b", "x", "http://pay.example:81/a", "/a", "http"},
		"absolute without path":           {"GET", "http://pay.example?b", "x", "http://pay.example/", "/", "http"},
		"absolute https":                  {"GET", "https://pay.example/a", "x", "https://pay.example/a", "/a", "https"},
		"absolute of an unknown scheme":   {"GET", "ftp://u:p@files.example/a", "x", "ftp://files.example/a", "/a", "ftp"},
		"a mailbox in a path is no user":  {"GET", "/~a@b.example/", "shop.example", "http://shop.example/~a@b.example/", "/~a@b.example/", "http"},
		"two slashes are a path":          {"GET", "//u:p@evil/", "shop.example", "http://shop.example//u:p@evil/", "//u:p@evil/", "http"},
		"a relative target says nothing":  {"GET", "u:p@evil/a", "shop.example", "http://shop.example", "", "http"},
		"authority form has no URL":       {"CONNECT", "u:p@pay.example:443", "", "", "", ""},
		"authority form of HTTP/2":        {"CONNECT", "", "pay.example:443", "", "", ""},
		"CONNECT to a protocol":           {"CONNECT", "/chat?a", "shop.example", "http://shop.example/chat", "/chat", "http"},
		"bytes that are no UTF-8":         {"GET", "/\xff", "shop.example", "http://shop.example/\uFFFD", "/\uFFFD", "http"},
		"characters beyond ASCII":         {"GET", "/\u00e9", "b\u00fc.example", "http://b\u00fc.example/\u00e9", "/\u00e9", "http"},
		"a scheme that is none":           {"GET", "a b://x/", "shop.example", "http://shop.example", "", "http"},
		"an absolute target with no host": {"GET", "http:///a", "shop.example", "http://10.0.0.1:8080/a", "/a", "http"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			change := func(x *protocol.Exchange) {
				x.HTTP.Method, x.HTTP.Target, x.HTTP.Host = []byte(test.method), []byte(test.target), []byte(test.host)
			}
			client := build(protocol.Client, change).Attributes()
			assert.Equal(t, test.full, text(client, "url.full"))
			assert.Empty(t, text(client, "url.path")+text(client, "url.scheme")+text(client, "client.address"))
			server := build(protocol.Server, change).Attributes()
			assert.Equal(t, test.path, text(server, "url.path"))
			assert.Equal(t, test.scheme, text(server, "url.scheme"))
			assert.Empty(t, text(server, "url.full"))
		})
	}
}

// text returns a text attribute, "" if it is absent.
func text(m pcommon.Map, key string) string {
	value, ok := m.Get(key)
	if !ok {
		return ""
	}
	return value.Str()
}

func TestOutcome(t *testing.T) {
	tests := map[string]struct {
		side    protocol.Side
		status  uint16
		failure protocol.Failure
		want    string
	}{
		"a server's 200":                     {protocol.Server, 200, protocol.None, ""},
		"a server's 404 is the client's":     {protocol.Server, 404, protocol.None, ""},
		"a server's 404, reset":              {protocol.Server, 404, protocol.Reset, ""},
		"a server's 500":                     {protocol.Server, 500, protocol.None, "500"},
		"a client's 302":                     {protocol.Client, 302, protocol.None, ""},
		"a client's 404":                     {protocol.Client, 404, protocol.None, "404"},
		"a client's 500":                     {protocol.Client, 500, protocol.None, "500"},
		"the status tells more than a reset": {protocol.Client, 500, protocol.Reset, "500"},
		"no status, reset":                   {protocol.Server, 0, protocol.Reset, "connection_reset"},
		"no status, closed":                  {protocol.Client, 0, protocol.Closed, "connection_closed"},
		"no status, timeout":                 {protocol.Client, 0, protocol.Timeout, "timeout"},
		"a body that was reset":              {protocol.Client, 200, protocol.Reset, "connection_reset"},
		"a body that was cut off":            {protocol.Server, 200, protocol.Closed, "connection_closed"},
		"a body that goes on for long":       {protocol.Client, 200, protocol.Timeout, ""},
		"no status, given up":                {protocol.Client, 0, protocol.Cancelled, "cancelled"},
		"a body that was enough":             {protocol.Client, 200, protocol.Cancelled, ""},
		"nothing known":                      {protocol.Client, 0, protocol.None, ""},
		"a status beyond the classes":        {protocol.Server, 999, protocol.None, "999"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			span := build(test.side, func(x *protocol.Exchange) { x.HTTP.Status, x.Failure = test.status, test.failure })
			attributes := span.Attributes().AsRaw()
			if test.status == 0 {
				assert.NotContains(t, attributes, "http.response.status_code")
			} else {
				assert.EqualValues(t, test.status, attributes["http.response.status_code"])
			}
			if test.want == "" {
				assert.NotContains(t, attributes, "error.type")
				assert.Equal(t, ptrace.StatusCodeUnset, span.Status().Code())
			} else {
				assert.Equal(t, test.want, attributes["error.type"])
				assert.Equal(t, ptrace.StatusCodeError, span.Status().Code())
			}
			assert.Empty(t, span.Status().Message())
		})
	}
}

func TestMethodsThatTheConventionsKnowNameTheSpan(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"} {
		span := build(protocol.Server, func(x *protocol.Exchange) { x.HTTP.Method = []byte(method) })
		assert.Equal(t, method, span.Name())
		assert.Equal(t, method, text(span.Attributes(), "http.request.method"))
		assert.Empty(t, text(span.Attributes(), "http.request.method_original"))
	}
	for _, method := range []string{"get", "PROPFIND"} {
		span := build(protocol.Server, func(x *protocol.Exchange) { x.HTTP.Method = []byte(method) })
		assert.Equal(t, "HTTP", span.Name())
		assert.Equal(t, "_OTHER", text(span.Attributes(), "http.request.method"))
		assert.Equal(t, method, text(span.Attributes(), "http.request.method_original"))
	}
}

// FuzzAppend holds every span to be valid OTLP, and secrets to stay out: the part of a target behind `?` or `#`, and
// user info.
func FuzzAppend(f *testing.F) {
	f.Add([]byte("GET"), []byte("/a?b"), []byte("shop.example:80"), []byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), uint8(0))
	f.Add([]byte("CONNECT"), []byte("a@b:443"), []byte("[::1]"), []byte("x"), uint8(1))
	f.Add([]byte("GET"), []byte("http://u:p@h/p?q#f"), []byte("\xff"), []byte(""), uint8(3))
	f.Fuzz(func(t *testing.T, method, target, host, header []byte, bits uint8) {
		const secret = "TOP-SECRET"
		if bytes.Contains(slicesOf(method, target, host, header), []byte(secret)) {
			return
		}
		span := build(protocol.Side(bits&1), func(x *protocol.Exchange) {
			x.HTTP.Method, x.HTTP.Host, x.HTTP.UserAgent, x.HTTP.TraceParent, x.HTTP.TraceState = method, host, header, header, header
			x.HTTP.Target = append(bytes.Clone(target), "?"+secret...)
			x.HTTP.TargetCut, x.HTTP.Minor, x.HTTP.Status = bits&2 != 0, bits, uint16(bits)*4
		})
		assert.False(t, span.TraceID().IsEmpty())
		assert.False(t, span.SpanID().IsEmpty())
		assert.LessOrEqual(t, span.Attributes().Len(), maxAttributes)
		for key, value := range span.Attributes().All() {
			assert.True(t, utf8.ValidString(value.AsString()), key)
			assert.NotContains(t, value.AsString(), secret, key)
			if strings.HasPrefix(key, "url.") {
				assert.NotContains(t, value.AsString(), "?", key)
			}
		}
	})
}

// slicesOf joins what a fuzz target was given.
func slicesOf(parts ...[]byte) []byte { return bytes.Join(parts, []byte{0}) }
