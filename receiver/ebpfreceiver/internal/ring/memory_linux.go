// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// memory is a ring buffer as the kernel maps it (Documentation/bpf/ringbuf.rst):
//
//	consumer page | producer page | data | data again
//	position of   | position of   | header 8, record, padding to 8 | header ...
//	the reader    | the writers
//
// Positions grow without end; the data is there twice, so that a record which wraps around is one piece of memory.
type memory struct {
	control  []byte  // the consumer page, which alone can be written to
	shared   []byte  // the rest
	consumer *uint64 // in control
	producer *uint64 // in shared
	data     []byte
	mask     uint64
	at       uint64 // of the next record
	released uint64 // what the kernel knows of that
	step     uint64 // how far behind it may be
}

const (
	headerSize = 8
	busy       = 1 << 31 // bits of a header's first word: the record is being written,
	discarded  = 1 << 30 // and it is none; the other bits are its length
	maxStep    = 16 << 10
	shareOfAll = 8 // a step is at most this part of the ring
)

// mapMemory maps the ring behind a file descriptor. Its size is a power of two.
func mapMemory(fd, size int) (*memory, error) {
	page := os.Getpagesize()
	control, err := unix.Mmap(fd, 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the reader's position: %w", err)
	}
	shared, err := unix.Mmap(fd, int64(page), page+2*size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("map the data: %w", err), unix.Munmap(control))
	}
	return newMemory(control, shared, page, size), nil
}

// newMemory returns a ring of that size whose data begins in shared behind a page.
func newMemory(control, shared []byte, page, size int) *memory {
	m := &memory{
		control: control, shared: shared, data: shared[page:], mask: uint64(size) - 1,
		consumer: (*uint64)(unsafe.Pointer(&control[0])), producer: (*uint64)(unsafe.Pointer(&shared[0])),
		step: uint64(min(maxStep, size/shareOfAll)),
	}
	m.at = atomic.LoadUint64(m.consumer)
	m.released = m.at
	return m
}

// next returns the next record; nil if it was discarded. False: there is none. What it returned before may be overwritten.
func (m *memory) next() (record []byte, more bool) {
	if m.at-m.released >= m.step {
		m.release()
	}
	if m.at == atomic.LoadUint64(m.producer) {
		return nil, false
	}
	start := m.at & m.mask
	header := (*uint32)(unsafe.Pointer(&m.data[start]))
	// The kernel writes the record before it takes off the bit (bpf_ringbuf_commit).
	length := atomic.LoadUint32(header)
	for length&busy != 0 {
		length = atomic.LoadUint32(header)
	}
	size := uint64(length &^ discarded)
	m.at += headerSize + (size+7)&^7
	if length&discarded != 0 {
		return nil, true
	}
	start += headerSize // perhaps behind the first copy of the data
	return m.data[start : start+size : start+size], true
}

// release gives the room of what was read back to the kernel.
func (m *memory) release() {
	if m.released != m.at {
		m.released = m.at
		atomic.StoreUint64(m.consumer, m.at)
	}
}

// waiting is how many bytes are taken, as the kernel sees it. Safe for concurrent use.
func (m *memory) waiting() int {
	consumed := atomic.LoadUint64(m.consumer) // first: it never overtakes the other
	return int(atomic.LoadUint64(m.producer) - consumed)
}

func (m *memory) unmap() error { return errors.Join(unix.Munmap(m.shared), unix.Munmap(m.control)) }
