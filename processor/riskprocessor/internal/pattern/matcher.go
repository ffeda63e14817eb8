// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package pattern

import (
	"errors"
	"fmt"
)

// Place says where in a text a value must be.
type Place uint8

const (
	// Anywhere in the text.
	Anywhere Place = iota
	// Beginning of the text.
	Beginning
	// End of the text.
	End
	// Whole text.
	Whole
)

// MaxBytes is the length up to which the values of a list are taken together. A table has at most as many rows, and one
// more.
const MaxBytes = 1 << 16

// final marks the transition to a state in which a value has been found.
const final = 1 << 31

// Matcher finds any of the values of a list.
type Matcher struct {
	columns  [256]uint16 // by byte; bytes that occur in no value share column 0
	next     []uint32    // by the offset of a state's row, plus column: the offset of the next one's row, and final
	start    uint32      // offset of the row to begin with
	end      uint32      // column of the end of the text
	anchored bool        // values are at the beginning only: at row 0 nothing can be found any more
	decode   bool
}

// New makes a matcher for the values, none of which may be empty. Decode says that texts come encoded as in URLs; the
// values do not.
func New(values []string, place Place, decode bool) (*Matcher, error) {
	m := &Matcher{anchored: place == Beginning || place == Whole, decode: decode}
	width, total := uint32(1), 0
	for i, v := range values {
		if v == "" {
			return nil, fmt.Errorf("value %d is empty", i)
		}
		total += len(v)
		for _, b := range []byte(v) {
			if b = lower(b); m.columns[b] == 0 {
				m.columns[b] = uint16(width)
				width++
			}
		}
	}
	switch {
	case len(values) == 0:
		return nil, errors.New("there are no values")
	case total > MaxBytes:
		return nil, fmt.Errorf("values are longer than %d bytes together, found %d", MaxBytes, total)
	}
	for b := byte('A'); b <= 'Z'; b++ {
		m.columns[b] = m.columns[lower(b)]
	}
	begin := width
	m.end = width + 1
	t := newTrie(width + 2)
	for _, v := range values {
		path := make([]uint32, 0, len(v)+2)
		if m.anchored {
			path = append(path, begin)
		}
		for _, b := range []byte(v) {
			path = append(path, uint32(m.columns[b]))
		}
		if place == End || place == Whole {
			path = append(path, m.end)
		}
		t.add(path)
	}
	m.next = t.automaton()
	m.start = m.next[begin] &^ final
	return m, nil
}

// Match says whether one of the values is in the text.
func (m *Matcher) Match(text string) bool {
	if m.decode {
		return m.matchDecoded(text)
	}
	row := m.start
	for i := range len(text) {
		row = m.next[row+uint32(m.columns[text[i]])]
		if row >= final {
			return true
		}
		if row == 0 && m.anchored {
			return false
		}
	}
	return m.next[row+m.end] >= final
}

func (m *Matcher) matchDecoded(text string) bool {
	row, space := m.start, false
	for i := 0; i < len(text); {
		b := text[i]
		if b > ' ' && b != '%' && b != '+' { // stands for itself, as nearly all do
			i++
			space = false
		} else {
			if b, i = decode(text, i); b == 0 || b == ' ' && space {
				continue
			}
			space = b == ' '
		}
		row = m.next[row+uint32(m.columns[b])]
		if row >= final {
			return true
		}
		if row == 0 && m.anchored {
			return false
		}
	}
	return m.next[row+m.end] >= final
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}
