// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http1

// statusLine is as much of a status line as must be there: the version, a space and three digits. A space and a reason
// follow by the standard; some servers leave out both.
const statusLine = len(version) + len("1 200")

// ParseResponse reads the head of a response, or the beginning of one, into r, whose previous contents are gone. It
// never reads beyond the head. See the package comment for errors and what r holds then.
func ParseResponse(head []byte, r *Response) error {
	*r = Response{Fields: Fields{ContentLength: -1}}
	line, next := firstLine(head)
	if next == 0 {
		line = trimCR(line)
	}
	if err := r.statusLine(line, next == 0); err != nil {
		*r = Response{Fields: Fields{ContentLength: -1}}
		return err
	}
	if next == 0 {
		return nil
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

// statusLine reads `HTTP/1.x SP 3DIGIT [SP reason]`; cut says that the line's end is missing.
func (r *Response) statusLine(line []byte, cut bool) error {
	if len(line) < statusLine {
		if cut && IsResponse(line) || cut && len(line) < len(version) && string(line) == version[:len(line)] {
			return ErrCut
		}
		return ErrStartLine
	}
	minor, ok := parseVersion(line[:len(version)+1])
	if !ok || line[len(version)+1] != ' ' || len(line) > statusLine && line[statusLine] != ' ' {
		return ErrStartLine
	}
	for _, c := range line[statusLine-3 : statusLine] {
		if c < '0' || c > '9' {
			return ErrStartLine
		}
		r.Status = r.Status*10 + uint16(c-'0')
	}
	if r.Status < 100 || !plain(line[statusLine:]) {
		return ErrStartLine
	}
	r.Minor = minor
	return nil
}
