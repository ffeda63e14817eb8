// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package spans

import "bytes"

// form is one of the four forms of a request target (RFC 9112 section 3.2).
type form uint8

const (
	formOrigin    form = iota // /path?query
	formAbsolute              // http://host/path?query, to a proxy
	formAuthority             // host:port, of CONNECT; of HTTP/2 it stands in :authority only
	formAsterisk              // *, of OPTIONS
	formOther                 // none of these: nothing of it is said
)

// target is what may be said of a request target. Fragment and user info are not in it; the query is for [Privacy] to choose
// from.
type target struct {
	// scheme is that of an absolute target, in lower case or as sent; else nil, which means http: what can be read on
	// the socket is not encrypted.
	scheme []byte
	// authority is that of an absolute or authority-form target, without user info.
	authority []byte
	// path is that of an origin-form or absolute target, or `*`, percent-encoded as sent.
	path []byte
	form form
	// query is what stands behind the `?` of these two, without fragment.
	query []byte
}

// parseTarget takes raw apart. If raw may be only the beginning of the target, an authority counts only if its end is
// there.
func parseTarget(method, raw []byte, cut bool) target {
	switch {
	case string(method) == "CONNECT" && (len(raw) == 0 || raw[0] != '/'):
		if cut || len(raw) == 0 {
			return target{form: formAuthority}
		}
		return target{form: formAuthority, authority: withoutUser(raw)}
	case len(raw) == 0:
		return target{form: formOther}
	case raw[0] == '/': // also of CONNECT to a protocol of HTTP/2, such as WebSocket (RFC 8441)
		path := untilAny(raw, "?#")
		return target{form: formOrigin, path: path, query: queryOf(raw[len(path):])}
	case string(raw) == "*":
		return target{form: formAsterisk, path: raw}
	}
	i := bytes.Index(raw, []byte("://"))
	if i <= 0 || !schemeText(raw[:i]) {
		return target{form: formOther}
	}
	t := target{form: formAbsolute, scheme: raw[:i]}
	rest := raw[i+len("://"):]
	authority := untilAny(rest, "/?#")
	if len(authority) == len(rest) && cut {
		return t
	}
	t.authority = withoutUser(authority)
	t.path = untilAny(rest[len(authority):], "?#")
	t.query = queryOf(rest[len(authority)+len(t.path):])
	if len(t.path) == 0 {
		t.path = []byte("/") // RFC 3986 section 6.2.3: for http, an empty path is the same
	}
	return t
}

// queryOf returns the query at the beginning of what follows a path.
func queryOf(rest []byte) []byte {
	if len(rest) == 0 || rest[0] != '?' {
		return nil
	}
	return untilAny(rest[1:], "#")
}

// schemeName returns the scheme as a string; only the two that matter are told apart without an allocation.
func (t *target) schemeName() string {
	switch {
	case t.scheme == nil, bytes.EqualFold(t.scheme, []byte("http")):
		return "http"
	case bytes.EqualFold(t.scheme, []byte("https")):
		return "https"
	}
	return string(t.scheme)
}

// defaultPort returns the port of a server that is named without one; 0 if it is not known.
func (t *target) defaultPort() uint16 {
	switch {
	case t.form == formAuthority:
		return 0
	case t.schemeName() == "http":
		return 80
	case t.schemeName() == "https":
		return 443
	}
	return 0
}

// splitAuthority takes `host[:port]` apart, user info aside. An IPv6 address comes without its brackets. A port that is
// missing or empty is 0. It is not ok if it is empty or has something in it that no host and no port has.
func splitAuthority(authority []byte) (host []byte, port uint16, ok bool) {
	authority = withoutUser(authority)
	var rest []byte
	if len(authority) > 0 && authority[0] == '[' {
		end := bytes.IndexByte(authority, ']')
		if end < 0 || bytes.IndexByte(authority[:end], ':') < 0 {
			return nil, 0, false
		}
		host, rest = authority[1:end], authority[end+1:]
	} else {
		host = untilAny(authority, ":")
		rest = authority[len(host):]
		if bytes.IndexByte(host, ']') >= 0 {
			return nil, 0, false
		}
	}
	if len(host) == 0 || !hostText(host) {
		return nil, 0, false
	}
	port, ok = parsePort(rest)
	return host, port, ok
}

// parsePort reads `:port`, or nothing, or `:` alone.
func parsePort(text []byte) (port uint16, ok bool) {
	if len(text) == 0 {
		return 0, true
	}
	if text[0] != ':' || len(text) > len(":65535") {
		return 0, false
	}
	var n uint32
	for _, c := range text[1:] {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint32(c-'0')
	}
	return uint16(n), n <= 65535
}

// withoutUser cuts off what stands before the last @ of an authority.
func withoutUser(authority []byte) []byte {
	return authority[bytes.LastIndexByte(authority, '@')+1:]
}

// untilAny returns text up to the first of the ASCII characters in stops.
func untilAny(text []byte, stops string) []byte {
	if i := bytes.IndexAny(text, stops); i >= 0 {
		return text[:i]
	}
	return text
}

// hostText says whether text has only what a host name or an address may have.
func hostText(text []byte) bool {
	for _, c := range text {
		if c <= ' ' || c == 0x7f || c == '/' || c == '?' || c == '#' || c == '@' || c == '\\' || c == ',' {
			return false
		}
	}
	return true
}

// schemeText says whether text has only what a scheme may have (RFC 3986 section 3.1).
func schemeText(text []byte) bool {
	for _, c := range text {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}
