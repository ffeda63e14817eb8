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
	// Snapshot writes every key that is live at m.
	Snapshot(w io.Writer, m Moment) error
	// Offer walks over what the fleet does not know yet.
	Offer(m Moment, take func(*Offer) bool)
	// Merge takes in a total of the fleet.
	Merge(a *Answer)
	// Forfeit has nothing offered any more of what was counted so far.
	Forfeit(m Moment)
	// Restore adds what Snapshot wrote, as far as it is live at m and finds room. A key that cannot be read is left out.
	// After an error what could be read has been added; that is of use, for it is complete.
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
//	{ n:1  { key:8 cell  { step:4 taken:8 takenBefore:8 told:1 } for each number of the fleet } * n }  0:1
//
// What was taken must be known after a restart, or the fleet would count it twice.
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
					group = s.appendShares(group, j*ways+k, c.numbers())
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
	cell := len(P(&zero).append(nil))
	size := 8 + cell + shareEncoded*P(nil).numbers()
	group := make([]byte, ways*size)
	leftOut, fault := 0, error(nil)
	for {
		if _, err := io.ReadFull(r, group[:1]); err != nil {
			return unexpected(err)
		}
		n := int(group[0])
		switch {
		case n == 0 && leftOut > 0:
			return fmt.Errorf("%d keys are left out, one for: %w", leftOut, fault)
		case n == 0:
			return nil
		case n > ways:
			return fmt.Errorf("group has %d keys, at most %d are possible", n, ways)
		}
		if _, err := io.ReadFull(r, group[:n*size]); err != nil {
			return unexpected(err)
		}
		for i := range n {
			if err := t.restore(group[i*size:(i+1)*size], cell, m); err != nil {
				leftOut, fault = leftOut+1, err
			}
		}
	}
}

// restore puts one cell into its place, unless the key has one or all others are worth more.
func (t *table[V, P]) restore(encoded []byte, cell int, m Moment) error {
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
		c := t.place(s, b, victim, key)
		t.readShares(s, encoded[8+cell:], int(key&t.mask)*ways+victim)
		return c.read(encoded[8:])
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
