// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Table is what the tables of this package have in common.
type Table interface {
	// Capacity is the number of keys that fit.
	Capacity() int
	// Touch reads ahead the cell of a key.
	Touch(key uint64) uint32
	// Snapshot writes every key that is live at m.
	Snapshot(w io.Writer, m Moment) error
	// Restore adds what Snapshot wrote, as far as it is live at m and finds room. After an error some of it may have
	// been added; that is of use, for whatever was read is complete.
	Restore(r io.Reader, m Moment) error
}

// codec writes and reads a cell, as many bytes each time, numbers with the low byte first.
type codec interface {
	append(to []byte) []byte
	read(from []byte) error
}

const stepsEncoded = 12

var (
	errNotFinite       = errors.New("sum is not finite")
	errTooManyElements = errors.New("cell has more elements than fit")
)

// Snapshot writes groups of keys with their cells, each after its number of keys, 1 to 8, and a zero at the end:
//
//	{ n:1  { key:8 cell } * n }  0:1
//
// Buckets are locked one by one: updates go on meanwhile, and the snapshot is exact for each key, not for one time.
func (t *table[V, P]) Snapshot(w io.Writer, m Moment) error {
	out := bufio.NewWriterSize(w, 1<<16)
	var group []byte
	for i := range t.stripes {
		s := &t.stripes[i]
		for j := range s.buckets {
			group = append(group[:0], 0)
			s.mu.Lock()
			for k, key := range s.buckets[j].keys {
				if c := P(&s.buckets[j].cells[k]); key != 0 && c.load(m) > 0 {
					group[0]++
					group = c.append(binary.LittleEndian.AppendUint64(group, key))
				}
			}
			s.mu.Unlock()
			if group[0] == 0 {
				continue
			}
			if _, err := out.Write(group); err != nil {
				return err
			}
		}
	}
	if err := out.WriteByte(0); err != nil {
		return err
	}
	return out.Flush()
}

// Restore reads what Snapshot wrote. It reads no byte beyond.
func (t *table[V, P]) Restore(r io.Reader, m Moment) error {
	var zero V
	size := 8 + len(P(&zero).append(nil))
	group := make([]byte, ways*size)
	for {
		if _, err := io.ReadFull(r, group[:1]); err != nil {
			return unexpected(err)
		}
		n := int(group[0])
		switch {
		case n == 0:
			return nil
		case n > ways:
			return fmt.Errorf("group has %d keys, at most %d are possible", n, ways)
		}
		if _, err := io.ReadFull(r, group[:n*size]); err != nil {
			return unexpected(err)
		}
		for i := range n {
			if err := t.restore(group[i*size:(i+1)*size], m); err != nil {
				return err
			}
		}
	}
}

// restore puts one cell into its place, unless the key has one or all others are worth more.
func (t *table[V, P]) restore(encoded []byte, m Moment) error {
	var restored V
	if err := P(&restored).read(encoded[8:]); err != nil {
		return err
	}
	load := P(&restored).load(m)
	if load == 0 {
		return nil
	}
	key := occupied(binary.LittleEndian.Uint64(encoded))
	s, b := t.locate(key)
	defer s.mu.Unlock()
	if t.find(b, key) != nil {
		return nil
	}
	if victim, least := t.least(b, m); least < load {
		return t.place(b, victim, key).read(encoded[8:])
	}
	return nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// reader takes numbers from the front. What it reads from was checked to be long enough.
type reader []byte

func (r *reader) uint8() (n uint8) {
	n, *r = (*r)[0], (*r)[1:]
	return n
}

func (r *reader) uint32() (n uint32) {
	n, *r = binary.LittleEndian.Uint32(*r), (*r)[4:]
	return n
}

func (r *reader) uint64() (n uint64) {
	n, *r = binary.LittleEndian.Uint64(*r), (*r)[8:]
	return n
}

// finite says whether x is a number.
func finite(x float64) bool { return !math.IsNaN(x - x) }
