// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http1

import "bytes"

// maxMethod is the longest method that is taken for one; the longest registered one (UPDATEREDIRECTREF) has 17
// characters.
const maxMethod = 24

// IsRequest says whether a message that begins with prefix is an HTTP/1 request and nothing else. For the methods
// known to semantic conventions, the method and the first character of the target are enough; any other method needs
// the whole request line. The HTTP/2 preface, which looks like one, is none.
func IsRequest(prefix []byte) bool {
	i := bytes.IndexByte(prefix[:min(len(prefix), maxMethod+1)], ' ')
	if i <= 0 {
		return false
	}
	if known(prefix[:i]) {
		return i+1 < len(prefix) && targetStart(prefix[i+1])
	}
	line, next := firstLine(prefix)
	var r Request
	return next > 0 && r.requestLine(line) && targetStart(r.Target[0])
}

// IsResponse says whether a message that begins with prefix is an HTTP/1 response and nothing else.
func IsResponse(prefix []byte) bool {
	return len(prefix) >= len(version) && string(prefix[:len(version)]) == version
}

// known says whether method is one that semantic conventions know: those of RFC 9110 section 9, PATCH (RFC 5789) and
// QUERY. Methods are case-sensitive.
func known(method []byte) bool {
	switch string(method) {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY":
		return true
	}
	return false
}

// targetStart says whether c can begin a request target: a path, `*`, a scheme, a host name or an address.
func targetStart(c byte) bool {
	return c == '/' || c == '*' || c == '[' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}
