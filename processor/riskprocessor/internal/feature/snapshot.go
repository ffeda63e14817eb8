// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"
)

// A snapshot is, numbers with the low byte first:
//
//	"riskfeat" version:4  { length of id:4 id  type:1 since:8  length of table:8 table  crc32c of table:4 } ...  0:4
//
// with tables as window.Table writes them. Whoever changes what a table writes raises the version.
const (
	snapshotMark    = "riskfeat"
	snapshotVersion = 2
	maxID           = 1 << 16
	// maxTable is the size up to which a table is read: 2^24 entities of the largest cell.
	maxTable = 4 << 30
)

var (
	errNotASnapshot = errors.New("is no snapshot of features")
	errDamaged      = errors.New("snapshot is damaged")
	castagnoli      = crc32.MakeTable(crc32.Castagnoli)
)

// Snapshot writes all tables while they are in use.
func (s *Store) Snapshot(w io.Writer) error {
	s.mu.Lock()
	entries := make(map[string]*entry, len(s.entries))
	for id, e := range s.entries {
		entries[id] = e
	}
	s.mu.Unlock()

	header := binary.LittleEndian.AppendUint32([]byte(snapshotMark), snapshotVersion)
	if _, err := w.Write(header); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	for id, e := range entries {
		if err := e.snapshot(w, id, s.now()); err != nil {
			return fmt.Errorf("write snapshot: %w", err)
		}
	}
	if _, err := w.Write(make([]byte, 4)); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return nil
}

func (e *entry) snapshot(w io.Writer, id string, now time.Duration) error {
	var table bytes.Buffer
	if err := e.table.Snapshot(&table, e.period.At(now)); err != nil {
		return err
	}
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(id)))
	head = append(append(head, id...), byte(e.typ))
	head = binary.LittleEndian.AppendUint64(head, uint64(e.since.at.Load()))
	head = binary.LittleEndian.AppendUint64(head, uint64(table.Len()))
	tail := binary.LittleEndian.AppendUint32(nil, crc32.Checksum(table.Bytes(), castagnoli))
	for _, part := range [][]byte{head, table.Bytes(), tail} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// Restore reads what Snapshot wrote. Tables are filled when a feature that counts the same asks for them; what nobody has
// asked for by the next restart is forgotten. After an error nothing is changed.
func (s *Store) Restore(r io.Reader) error {
	header := make([]byte, len(snapshotMark)+4)
	if _, err := io.ReadFull(r, header); err != nil || string(header[:len(snapshotMark)]) != snapshotMark {
		return errNotASnapshot
	}
	if version := binary.LittleEndian.Uint32(header[len(snapshotMark):]); version != snapshotVersion {
		return fmt.Errorf("snapshot of features has version %d, only %d can be read", version, snapshotVersion)
	}
	restored := map[string][]byte{}
	for {
		id, blob, err := readTable(r)
		if err != nil {
			return err
		}
		if id == "" {
			break
		}
		restored[id] = blob
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restored, s.forfeit = restored, false
	for id, e := range s.entries {
		if blob, ok := restored[id]; ok {
			delete(restored, id)
			s.fill(e, blob)
		}
	}
	return nil
}

// Forfeit says that the fleet may have been told more since the snapshot that was restored: what was not published then is
// not published any more. It is called right after Restore. See extension/riskstate.
func (s *Store) Forfeit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forfeit = true
}

// readTable reads one table with its type and age before it; an empty id is the end.
func readTable(r io.Reader) (id string, blob []byte, err error) {
	var number [8]byte
	if _, err := io.ReadFull(r, number[:4]); err != nil {
		return "", nil, errDamaged
	}
	length := binary.LittleEndian.Uint32(number[:4])
	if length == 0 {
		return "", nil, nil
	}
	if length > maxID {
		return "", nil, errDamaged
	}
	head := make([]byte, int(length)+1+8+8)
	if _, err := io.ReadFull(r, head); err != nil {
		return "", nil, errDamaged
	}
	size := binary.LittleEndian.Uint64(head[len(head)-8:])
	if size > maxTable {
		return "", nil, errDamaged
	}
	var table bytes.Buffer // grows with what is there, not with what is claimed
	table.Write(head[length : len(head)-8])
	if n, err := io.CopyN(&table, r, int64(size)); err != nil || n != int64(size) {
		return "", nil, errDamaged
	}
	if _, err := io.ReadFull(r, number[:4]); err != nil {
		return "", nil, errDamaged
	}
	if binary.LittleEndian.Uint32(number[:4]) != crc32.Checksum(table.Bytes()[9:], castagnoli) {
		return "", nil, errDamaged
	}
	return string(head[:length]), table.Bytes(), nil
}

// restore fills the table from what readTable returned, if it is of the same type. A table that ends early is as good as
// it goes: each key of it is whole.
func (e *entry) restore(blob []byte, now time.Duration) error {
	if Type(blob[0]) != e.typ {
		return nil
	}
	e.since.at.Store(int64(binary.LittleEndian.Uint64(blob[1:])))
	return e.table.Restore(bytes.NewReader(blob[9:]), e.period.At(now))
}
