// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http1

import "bytes"

// ParseRequest reads the head of a request, or the beginning of one, into r, whose previous contents are gone. It
// never reads beyond the head. See the package comment for errors and what r holds then.
func ParseRequest(head []byte, r *Request) error {
	*r = Request{Fields: Fields{ContentLength: -1}}
	line, next := firstLine(head)
	if next == 0 {
		return r.cutLine(line)
	}
	if !r.requestLine(line) {
		return ErrStartLine
	}
	var first error
	s := scanner{head: head, pos: next}
	for {
		name, value, found := s.next()
		var err error
		switch found {
		case stepField:
			err = r.add(name, value)
		case stepMalformed:
			err = ErrField
		case stepEnd:
			r.Complete, r.HeadLen = true, s.pos
			return first
		case stepCut:
			return first
		}
		if first == nil {
			first = err
		}
	}
}

// requestLine reads `method SP target SP HTTP/1.x`. Spaces within the target, which no client may send and some
// servers refuse with 400, are kept.
func (r *Request) requestLine(line []byte) bool {
	method := bytes.IndexByte(line, ' ')
	version := bytes.LastIndexByte(line, ' ')
	if method > maxMethod || version <= method+1 || !token(line[:max(0, method)]) {
		return false
	}
	minor, ok := parseVersion(line[version+1:])
	target := line[method+1 : version]
	if !ok || target[0] == ' ' || !visible(target) {
		return false
	}
	r.Method, r.Target, r.Minor = line[:method], target, minor
	return true
}

// cutLine reads a request line whose end is missing. Without the version to go by, only a method that is known and a
// target that looks like one tell a request from anything else.
func (r *Request) cutLine(line []byte) error {
	line = trimCR(line)
	method := bytes.IndexByte(line, ' ')
	if method < 0 {
		if len(line) > maxMethod || len(line) > 0 && !token(line) {
			return ErrStartLine
		}
		return ErrCut
	}
	target := line[method+1:]
	switch {
	case method > maxMethod || !token(line[:method]) || !visible(target) || len(target) > 0 && target[0] == ' ':
		return ErrStartLine
	case !known(line[:method]) || len(target) == 0 || !targetStart(target[0]):
		return ErrCut
	}
	if i := bytes.LastIndexByte(target, ' '); i > 0 && versionStart(target[i+1:]) {
		target = target[:i]
	}
	r.Method, r.Target, r.TargetCut = line[:method], target, true
	return nil
}

// version is what an HTTP/1 start line says, up to the digit that differs.
const version = "HTTP/1."

// parseVersion reads `HTTP/1.` and one digit.
func parseVersion(text []byte) (minor uint8, ok bool) {
	if len(text) != len(version)+1 || string(text[:len(version)]) != version {
		return 0, false
	}
	digit := text[len(version)]
	return digit - '0', '0' <= digit && digit <= '9'
}

// versionStart says whether text is the beginning of a version.
func versionStart(text []byte) bool {
	if len(text) <= len(version) {
		return string(text) == version[:len(text)]
	}
	_, ok := parseVersion(text)
	return ok
}

// token says whether text is one or more of the characters that RFC 9110 section 5.6.2 allows in a method.
func token(text []byte) bool {
	for _, c := range text {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '!', c == '#', c == '$', c == '%', c == '&', c == '\'', c == '*', c == '+', c == '-', c == '.',
			c == '^', c == '_', c == '`', c == '|', c == '~':
		default:
			return false
		}
	}
	return len(text) > 0
}

// visible says whether text has no control character; it may have spaces and bytes beyond ASCII.
func visible(text []byte) bool {
	for _, c := range text {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}
