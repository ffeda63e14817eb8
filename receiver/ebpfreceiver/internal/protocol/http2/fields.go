// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http2

import "encoding/binary"

// Values are values of known fields, in memory of their own.
type Values struct {
	text []byte
	at   [values]span
}

// span is a part of a text.
type span struct{ from, size uint32 } // size is one more than it is; 0: not seen

// Get returns a value; nil if it was not seen. It is valid until the values are changed.
func (v *Values) Get(k Known) []byte {
	s := v.at[k]
	if s.size == 0 {
		return nil
	}
	return v.text[s.from : s.from+s.size-1 : s.from+s.size-1]
}

// Set takes in a value that is not nil.
func (v *Values) Set(k Known, value []byte) {
	if value != nil {
		from := len(v.text)
		v.text = append(v.text, value...)
		v.mark(k, from)
	}
}

// mark makes the end of the text a value.
func (v *Values) mark(k Known, from int) {
	v.at[k] = span{uint32(from), uint32(len(v.text)-from) + 1}
}

// Keep copies a value that is none of a known field.
func (v *Values) Keep(value []byte) []byte {
	from := len(v.text)
	v.text = append(v.text, value...)
	return v.text[from:len(v.text):len(v.text)]
}

// Copy makes v the same as of.
func (v *Values) Copy(of *Values) {
	v.text = append(v.text[:0], of.text...)
	v.at = of.at
}

// Reset forgets all values.
func (v *Values) Reset() {
	v.text = v.text[:0]
	clear(v.at[:])
}

// Fields are the facts that a header block tells.
type Fields struct {
	Values
	// Taken is what was found of the fields that were asked for, in order.
	Taken []Taken
	// Unknown counts fields that refer to something that was not seen: they may be any that is of interest.
	Unknown int
	// Status is the status code of a response; 0 if there is none.
	Status uint16
	// Head says that there is a pseudo-header field: the block begins a message, and is no trailers.
	Head bool
	// Several says that there are two traceparents.
	several bool
}

// Taken is a field that was asked for.
type Taken struct {
	// Name is its place among the names that were asked for.
	Name int
	// Value is as sent; it has no control characters.
	Value []byte
	at    span
}

// Reset forgets all fields.
func (f *Fields) Reset() {
	f.Values.Reset()
	f.Taken, f.Unknown, f.Status, f.Head, f.several = f.Taken[:0], 0, 0, false, false
}

// see takes in a field, or counts it. If somebody wants it, its value is the text from there on.
func (f *Fields) see(n name, from int) {
	if n.known == unseen {
		f.Unknown++
		return
	}
	f.take(n, from)
}

// take takes in a field that is known whose value is the text from there on. The first of several counts, as recipients mostly see it.
func (f *Fields) take(n name, from int) {
	f.Head = f.Head || n.pseudo
	if !n.wanted() {
		return
	}
	value := f.text[from:]
	keep := false
	if n.asked != 0 && plain(value) {
		f.Taken = append(f.Taken, Taken{Name: int(n.asked) - 1, at: span{uint32(from), uint32(len(value))}})
		keep = true
	}
	switch {
	case n.known == TraceParent:
		f.several = f.several || f.at[TraceParent].size != 0
		f.mark(TraceParent, from)
		if f.several {
			f.at[TraceParent] = span{}
		}
		keep = keep || !f.several
	case n.known < values:
		if f.at[n.known].size == 0 && plain(value) {
			f.mark(n.known, from)
			keep = true
		}
	case n.known == status && f.Status == 0:
		f.Status = parseStatus(value)
	}
	if !keep {
		f.text = f.text[:from]
	}
}

// finish makes the fields that were asked for readable: the text stays where it is now.
func (f *Fields) finish() {
	for i := range f.Taken {
		at := f.Taken[i].at
		f.Taken[i].Value = f.text[at.from : at.from+at.size : at.from+at.size]
	}
}

// parseStatus reads three digits; 0 if text is something else.
func parseStatus(text []byte) uint16 {
	if len(text) != 3 {
		return 0
	}
	var n uint16
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0
		}
		n = n*10 + uint16(c-'0')
	}
	if n < 100 {
		return 0
	}
	return n
}

// plain says whether value is text: no control character but the tabulator (RFC 9110 section 5.5).
func plain(value []byte) bool {
	const each = 0x0101010101010101
	for len(value) >= 8 {
		eight := binary.LittleEndian.Uint64(value)
		del := eight ^ 0x7f*each
		if ((eight-' '*each)&^eight|(del-each)&^del)&(0x80*each) != 0 && !plainBytes(value[:8]) {
			return false
		}
		value = value[8:]
	}
	return plainBytes(value)
}

func plainBytes(value []byte) bool {
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
