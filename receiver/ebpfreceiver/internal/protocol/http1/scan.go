// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http1

import "bytes"

// scanner walks the field lines of a head from pos on. The zero value walks nothing.
type scanner struct {
	head []byte
	pos  int
}

// step is what a scanner found.
type step uint8

const (
	stepField     step = iota // a whole field line: name and value are set
	stepMalformed             // a whole line that is no field
	stepEnd                   // the empty line: pos is behind the head
	stepCut                   // the input ends before the line does
)

// next moves over one field line, folded continuation lines included. A line counts as whole only when the byte after
// it was seen, too: it could begin a continuation (RFC 9112 section 5.2). A single LF ends a line as CRLF does
// (section 2.2).
func (s *scanner) next() (name, value []byte, found step) {
	line, ok := s.line()
	switch {
	case !ok:
		return nil, nil, stepCut
	case len(line) == 0:
		return nil, nil, stepEnd
	case blank(line[0]):
		return nil, nil, stepMalformed
	}
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || blank(line[colon-1]) {
		return nil, nil, stepMalformed
	}
	return line[:colon], trim(line[colon+1:]), stepField
}

// line returns the next line without its end, together with those that continue it, and moves behind it.
func (s *scanner) line() ([]byte, bool) {
	for from := s.pos; ; {
		i := bytes.IndexByte(s.head[from:], '\n')
		if i < 0 {
			return nil, false
		}
		end := from + i
		line := trimCR(s.head[s.pos:end])
		if len(line) > 0 {
			if end+1 == len(s.head) {
				return nil, false
			}
			if blank(s.head[end+1]) {
				from = end + 1
				continue
			}
		}
		s.pos = end + 1
		return line, true
	}
}

// firstLine returns the start line without its end and where the next one begins. Empty lines in front of it are
// skipped, as section 2.2 wants of servers. If the line's end is not there, next is 0 and line is what is there.
func firstLine(head []byte) (line []byte, next int) {
	start := 0
	for start < len(head) && (head[start] == '\n' || head[start] == '\r' && start+1 < len(head) && head[start+1] == '\n') {
		start++
	}
	i := bytes.IndexByte(head[start:], '\n')
	if i < 0 {
		return head[start:], 0
	}
	return trimCR(head[start : start+i]), start + i + 1
}

// trimCR removes the CR of a CRLF whose LF is already gone.
func trimCR(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}

// trim removes white space, and the line ends of folds, around a value.
func trim(value []byte) []byte {
	for len(value) > 0 && space(value[0]) {
		value = value[1:]
	}
	for len(value) > 0 && space(value[len(value)-1]) {
		value = value[:len(value)-1]
	}
	return value
}

// blank says whether c is what RFC 9110 calls optional white space.
func blank(c byte) bool { return c == ' ' || c == '\t' }

// space says whether c is white space or part of a line end.
func space(c byte) bool { return blank(c) || c == '\r' || c == '\n' }

// plain says whether value is one line of text: no control character but the tabulator.
func plain(value []byte) bool {
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// fold says whether text is lower, an ASCII constant in lower case, in any case.
func fold(text []byte, lower string) bool {
	if len(text) != len(lower) {
		return false
	}
	for i, c := range text {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// cutElement returns the first element of a comma-separated list, trimmed, and the rest.
func cutElement(list []byte) (element, rest []byte) {
	element, rest, _ = bytes.Cut(list, []byte{','})
	return trim(element), rest
}
