// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http2

import (
	"bytes"
	"errors"

	"golang.org/x/net/http2/hpack"
)

// ErrBlock is returned when a header block is malformed.
var ErrBlock = errors.New("decode header block: malformed")

// Decoder decodes the header blocks of one direction, in their order (RFC 7541). The Huffman code is x/net's; its
// decoder gives up at a field that it does not know, which an observer cannot afford.
type Decoder struct {
	table table
	text  bytes.Buffer // decoded strings of one block
}

// NewDecoder returns a Decoder that remembers at most limit bytes of fields.
func NewDecoder(limit int) *Decoder { return &Decoder{table: table{limit: limit}} }

// Forget makes d know nothing of earlier blocks: one was missed.
func (d *Decoder) Forget() { d.table.forget() }

// Size is the number of bytes that d keeps.
func (d *Decoder) Size() int { return d.table.size + entrySize*len(d.table.entries) + d.text.Cap() }

// entrySize is what an entry takes beside its text.
const entrySize = 56

// Decode adds the fields of a block to fields; their slices are valid until the next call. Cut says that the block is
// only the beginning of one. After an error, or a cut block, d has forgotten what it cannot be sure of any more.
func (d *Decoder) Decode(block []byte, cut bool, fields *Fields) error {
	d.text.Reset()
	d.text.Grow(2 * len(block)) // decoded text is at most 8/5 as long: slices of it stay where they are
	r := blockReader{rest: block}
	for len(r.rest) > 0 {
		before := r.rest
		f, ok := d.field(&r)
		if !ok {
			d.Forget()
			if cut && r.short {
				return nil
			}
			r.rest = before
			return ErrBlock
		}
		fields.add(f)
	}
	if cut {
		d.Forget()
	}
	return nil
}

// field decodes one field representation (section 6). A field without a name is none: a change of the table's size.
func (d *Decoder) field(r *blockReader) (f field, ok bool) {
	first := r.rest[0]
	switch {
	case first&0x80 != 0: // indexed
		index, ok := r.integer(7)
		if !ok || index == 0 {
			return f, false
		}
		return d.at(index), true
	case first&0xc0 == 0x40: // literal, to be remembered
		named := first&0x3f != 0
		f, ok = d.literal(r, 6)
		if ok {
			d.table.add(f, named)
		}
		return f, ok
	case first&0xe0 == 0x20: // size of the table
		size, ok := r.integer(5)
		if ok && size == 0 {
			d.table.forget()
		}
		return field{known: true}, ok
	default: // literal
		return d.literal(r, 4)
	}
}

// literal decodes a field whose value is there, and whose name is if its index is 0.
func (d *Decoder) literal(r *blockReader, prefix int) (f field, ok bool) {
	index, ok := r.integer(prefix)
	if !ok {
		return f, false
	}
	f.known = true
	if index > 0 {
		named := d.at(index)
		f.name, f.known = named.name, len(named.name) > 0
	} else if f.name, ok = d.string(r); !ok {
		return f, false
	}
	f.value, ok = d.string(r)
	return f, ok
}

// at returns the field with an index of section 2.3.3. The name of one whose value was not seen may be known.
func (d *Decoder) at(index int) field {
	if index <= len(static) {
		return static[index-1]
	}
	f, _ := d.table.at(index - len(static) - 1)
	return f
}

// string reads a string (section 5.2).
func (d *Decoder) string(r *blockReader) ([]byte, bool) {
	if len(r.rest) == 0 {
		r.short = true
		return nil, false
	}
	huffman := r.rest[0]&0x80 != 0
	n, ok := r.integer(7)
	if !ok {
		return nil, false
	}
	if n > len(r.rest) {
		r.short = true
		return nil, false
	}
	raw := r.rest[:n]
	r.rest = r.rest[n:]
	if !huffman {
		return raw, true
	}
	from := d.text.Len()
	if _, err := hpack.HuffmanDecode(&d.text, raw); err != nil {
		return nil, false
	}
	return d.text.Bytes()[from:], true
}

// blockReader reads primitives of a header block.
type blockReader struct {
	rest  []byte
	short bool // the block ends within a field
}

// integer reads a number whose first byte has prefix bits of it (section 5.1), up to 2^28.
func (r *blockReader) integer(prefix int) (int, bool) {
	most := 1<<prefix - 1
	n := int(r.rest[0]) & most
	r.rest = r.rest[1:]
	if n < most {
		return n, true
	}
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
