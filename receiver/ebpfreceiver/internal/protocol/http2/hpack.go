// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http2

import "errors"

// ErrBlock is returned when a header block is malformed.
var ErrBlock = errors.New("decode header block: malformed")

// Decoder decodes the header blocks of one direction, in their order (RFC 7541). Values of no interest are passed over:
// whether their Huffman code is well-formed is not looked at.
type Decoder struct {
	table table
	names *Names
}

// NewDecoder returns a Decoder that looks for fields with these names, and remembers at most limit bytes of them.
func NewDecoder(limit int, names *Names) *Decoder {
	return &Decoder{table: table{limit: limit}, names: names}
}

// Forget makes d know nothing of earlier blocks: one was missed.
func (d *Decoder) Forget() { d.table.forget() }

// Size is the number of bytes that d keeps.
func (d *Decoder) Size() int { return entrySize*len(d.table.entries) + cap(d.table.text) }

// Decode sets fields to those of a block. Cut says that the block is only the beginning of one. After an error, or a cut
// block, d has forgotten what it cannot be sure of any more.
func (d *Decoder) Decode(block []byte, cut bool, fields *Fields) error {
	fields.Reset()
	r := blockReader{rest: block, most: 2 * max(d.table.limit, len(block))}
	ok := true
	for ok && len(r.rest) > 0 {
		ok = d.field(&r, fields)
	}
	fields.finish()
	if !ok || cut {
		d.Forget()
	}
	if ok || cut && r.short {
		return nil
	}
	return ErrBlock
}

// field decodes one field representation (section 6); false if it is none.
func (d *Decoder) field(r *blockReader, f *Fields) bool {
	first := r.rest[0]
	switch {
	case first&0x80 != 0: // indexed
		index, ok := r.integer(7)
		if !ok || index == 0 {
			return false
		}
		d.indexed(index, r.most, f)
		return true
	case first&0xc0 == 0x40: // literal, to be remembered
		from := len(f.text)
		n, ok := d.literal(r, 6, f)
		if ok {
			d.table.add(n, f.text[from:])
			f.see(n, from)
		}
		return ok
	case first&0xe0 == 0x20: // size of the table
		size, ok := r.integer(5)
		if ok && size == 0 {
			d.table.forget()
		}
		return ok
	default: // literal
		from := len(f.text)
		n, ok := d.literal(r, 4, f)
		if ok {
			f.see(n, from)
		}
		return ok
	}
}

// indexed takes in a field that an index of section 2.3.3 stands for. Together they may be longer than what was sent,
// without a bound; what is more than most bytes counts as unknown.
func (d *Decoder) indexed(index, most int, f *Fields) {
	from := len(f.text)
	if index <= staticCount {
		n := d.names.static[index-1]
		if n.wanted() {
			f.text = append(f.text, staticText[2*index-1]...)
		}
		f.take(n, from)
		return
	}
	e := d.table.at(index - staticCount - 1)
	if e == nil || e.name.known == unseen || e.size == gone || from+int(e.size) > most {
		f.Unknown++
		return
	}
	f.text = append(f.text, d.table.value(e)...)
	f.take(e.name, from)
}

// literal decodes a field whose value is there, and whose name is if its index is 0. It appends the value to the text of
// f if somebody wants it.
func (d *Decoder) literal(r *blockReader, prefix int, f *Fields) (name, bool) {
	index, ok := r.integer(prefix)
	if !ok {
		return name{}, false
	}
	var n name
	if index > 0 {
		n = d.nameAt(index)
	} else {
		from := len(f.text)
		if !r.string(f) {
			return name{}, false
		}
		n = d.names.find(f.text[from:])
		f.text = f.text[:from]
	}
	if n.wanted() {
		return n, r.string(f)
	}
	_, _, ok = r.raw()
	return n, ok
}

// nameAt returns the name of the field with an index of section 2.3.3.
func (d *Decoder) nameAt(index int) name {
	if index <= staticCount {
		return d.names.static[index-1]
	}
	if e := d.table.at(index - staticCount - 1); e != nil {
		return e.name
	}
	return name{known: unseen}
}

// blockReader reads primitives of a header block.
type blockReader struct {
	rest  []byte
	most  int  // bytes that fields may have together
	short bool // the block ends within a field
}

// string appends a string to the text of f (section 5.2).
func (r *blockReader) string(f *Fields) bool {
	coded, huffman, ok := r.raw()
	switch {
	case !ok:
		return false
	case huffman:
		f.text, ok = huffmanCode.decode(f.text, coded)
		return ok
	}
	f.text = append(f.text, coded...)
	return true
}

// raw returns a string as it was sent.
func (r *blockReader) raw() (coded []byte, huffman, ok bool) {
	if len(r.rest) == 0 {
		r.short = true
		return nil, false, false
	}
	huffman = r.rest[0]&0x80 != 0
	n, ok := r.integer(7)
	if !ok {
		return nil, false, false
	}
	if n > len(r.rest) {
		r.short = true
		return nil, false, false
	}
	coded = r.rest[:n]
	r.rest = r.rest[n:]
	return coded, huffman, true
}

// integer reads a number whose first byte has prefix bits of it (section 5.1), up to 2^28.
func (r *blockReader) integer(prefix int) (int, bool) {
	most := 1<<prefix - 1
	n := int(r.rest[0]) & most
	r.rest = r.rest[1:]
	if n < most {
		return n, true
	}
	return r.long(n)
}

// long reads the rest of a number.
func (r *blockReader) long(n int) (int, bool) {
	for shift := 0; shift < 28; shift += 7 {
		if len(r.rest) == 0 {
			r.short = true
			return 0, false
		}
		b := r.rest[0]
		r.rest = r.rest[1:]
		n += int(b&0x7f) << shift
		if b&0x80 == 0 {
			return n, true
		}
	}
	return 0, false
}
