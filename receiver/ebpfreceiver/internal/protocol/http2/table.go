// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http2

// table is the dynamic table of one direction (RFC 7541 section 2.3.2) as far as it was seen, and of interest: every field
// has its place, but text is only kept of values that somebody wants. An index counts from the newest entry, so what was
// added since the table was last empty is found whatever was in it before.
//
// The sender removes old entries to keep to a size that this side need not know: an entry that is kept for too long is
// never referred to, and one that is removed too early is unknown, and counted.
type table struct {
	entries []entry // a ring; its length is a power of two
	newest  int     // index of the newest
	count   int
	text    []byte // values in the order of their entries, behind what is not needed any more
	start   int    // how much that is
	base    uint32 // what was taken off before text: entries keep their places when it moves
	size    int    // bytes of values
	limit   int    // of size
}

// entry is a field.
type entry struct {
	from uint32 // base and the place of the value in text
	size uint32
	name name
}

const (
	// entrySize is the size of an entry.
	entrySize = 12
	// maxEntries bounds the number of entries: what fits 64 KiB at an average of 64 bytes each. A power of two.
	maxEntries = 1024
	// minEntries is how many there is room for at first. A power of two.
	minEntries = 8
	// minText is how many bytes of values there is room for at first.
	minText = 128
	// gone is the size of a value that is too long to keep.
	gone = 1<<32 - 1
)

// add takes in a field as the newest entry. It copies the value, which is empty if nobody wants it.
func (t *table) add(n name, value []byte) {
	e := entry{name: n, size: uint32(len(value))}
	if len(value) > t.limit {
		e.size, value = gone, nil
	}
	for t.count > 0 && (t.size+len(value) > t.limit || t.count == maxEntries) {
		t.removeOldest()
	}
	if len(value) > 0 {
		e.from = t.keep(value)
		t.size += len(value)
	}
	if t.count == len(t.entries) {
		t.grow()
	}
	t.newest = (t.newest + 1) & (len(t.entries) - 1)
	t.entries[t.newest] = e
	t.count++
}

// keep copies a value behind the others and returns its place.
func (t *table) keep(value []byte) uint32 {
	if len(t.text)+len(value) > cap(t.text) {
		t.base += uint32(t.start)
		kept := t.text[t.start:]
		if room := 2 * (len(kept) + len(value)); room > cap(t.text) {
			t.text = append(make([]byte, 0, max(minText, room)), kept...)
		} else {
			t.text = t.text[:copy(t.text, kept)]
		}
		t.start = 0
	}
	from := t.base + uint32(len(t.text))
	t.text = append(t.text, value...)
	return from
}

// grow doubles the ring and puts it in order, the oldest first.
func (t *table) grow() {
	grown := make([]entry, max(minEntries, 2*len(t.entries)))
	for i := range t.count {
		grown[i] = t.entries[(t.newest+1+i)&(t.count-1)]
	}
	t.entries, t.newest = grown, (t.count-1)&(len(grown)-1)
}

func (t *table) removeOldest() {
	e := &t.entries[(t.newest-t.count+1)&(len(t.entries)-1)]
	if e.size != gone {
		t.size -= int(e.size)
		t.start += int(e.size)
	}
	t.count--
}

// at returns the entry with an index from 0, the newest; nil if it was not seen.
func (t *table) at(index int) *entry {
	if index >= t.count {
		return nil
	}
	return &t.entries[(t.newest-index)&(len(t.entries)-1)]
}

// value returns the value of an entry that has one.
func (t *table) value(e *entry) []byte {
	if e.size == 0 {
		return nil
	}
	return t.text[e.from-t.base:][:e.size]
}

// forget removes all entries.
func (t *table) forget() {
	t.count, t.size, t.text, t.start = 0, 0, t.text[:0], 0
}
