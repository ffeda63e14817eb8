// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http2

import "bytes"

// table is the dynamic table of one direction (RFC 7541 section 2.3.2) as far as it was seen. An index counts from the
// newest entry, so what was added since the table was last empty is found whatever was in it before.
//
// The sender removes old entries to keep to a size that this side need not know: an entry that is kept for too long is
// never referred to, and one that is removed too early is unknown, and counted.
type table struct {
	entries []field // a ring
	newest  int     // index of the newest
	count   int
	size    int // bytes of names and values
	limit   int // of size
}

// maxEntries bounds the number of entries: what fits 64 KiB at an average of 64 bytes each.
const maxEntries = 1024

// add takes in a field as the newest entry. It copies the value, and the name unless that is an entry's already.
// Entries are never written to again: a block that is being decoded may hold on to one that it removes.
func (t *table) add(f field, shared bool) {
	size := len(f.name) + len(f.value)
	for t.count > 0 && (t.size+size > t.limit || t.count == maxEntries) {
		t.removeOldest()
	}
	switch {
	case size > t.limit:
		f, size = field{}, 0 // too long to keep, but it has a place
	case shared:
		f.value = bytes.Clone(f.value)
	default:
		text := append(make([]byte, 0, size), f.name...)
		text = append(text, f.value...)
		f.name, f.value = text[:len(f.name):len(f.name)], text[len(f.name):]
	}
	if t.count == len(t.entries) {
		t.grow()
	}
	t.newest = (t.newest + 1) % len(t.entries)
	t.entries[t.newest] = f
	t.count++
	t.size += size
}

// grow doubles the ring and puts it in order, the oldest first.
func (t *table) grow() {
	grown := make([]field, max(8, 2*len(t.entries)))
	for i := range t.count {
		grown[i] = t.entries[(t.newest+1+i)%t.count]
	}
	t.entries, t.newest = grown, (t.count-1+len(grown))%len(grown)
}

func (t *table) removeOldest() {
	e := &t.entries[(t.newest-t.count+1+len(t.entries))%len(t.entries)]
	t.size -= len(e.name) + len(e.value)
	*e = field{}
	t.count--
}

// at returns the entry with an index from 0, the newest; ok is false if it was not seen.
func (t *table) at(index int) (f field, ok bool) {
	if index >= t.count {
		return field{}, false
	}
	return t.entries[(t.newest-index+len(t.entries))%len(t.entries)], true
}

// forget removes all entries.
func (t *table) forget() {
	clear(t.entries)
	t.count, t.size = 0, 0
}
