// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package ring reads the BPF ring buffer and hands its records on, one by one and in order, where they lie.
//
// The programs wake the reader only when much is waiting; a poll with an interval brings the rest. So the reader sleeps
// while nothing happens, and on a busy host one wake-up serves thousands of records.
package ring

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf"
)

// Handler takes what is read. Both methods are called by the goroutine of [Reader.Run], never at once.
type Handler interface {
	// Record gets one record. Its bytes are the kernel's: they can be read during the call only, and not be written to.
	Record(record []byte)
	// Idle is called when the ring is empty, at least once a poll interval while it keeps being empty.
	Idle()
}

// Reader reads one ring buffer. Run is to be called once; Stop, Waiting and Records are safe for concurrent
// use.
type Reader struct {
	memory  *memory
	bell    *bell
	poll    time.Duration
	records atomic.Uint64
}

// NewReader maps the ring into memory. Close the reader before the ring.
func NewReader(ring *ebpf.Map, poll time.Duration) (*Reader, error) {
	if ring.Type() != ebpf.RingBuf {
		return nil, fmt.Errorf("open ring buffer: the map is a %s", ring.Type())
	}
	bell, err := newBell(ring.FD())
	if err != nil {
		return nil, fmt.Errorf("open ring buffer: %w", err)
	}
	memory, err := mapMemory(ring.FD(), int(ring.MaxEntries()))
	if err != nil {
		return nil, fmt.Errorf("open ring buffer: %w", errors.Join(err, bell.close()))
	}
	return &Reader{memory: memory, bell: bell, poll: poll}, nil
}

// Run hands records to handler until Stop is called, then what was in the ring at that time. It returns nil after Stop.
func (r *Reader) Run(handler Handler) error {
	deadline := time.Now().Add(r.poll)
	for {
		by, err := r.bell.wait(deadline)
		if err != nil {
			return fmt.Errorf("wait for ring buffer: %w", err)
		}
		r.drain(handler)
		switch by {
		case byStop:
			return nil
		case byTime:
			handler.Idle()
			deadline = time.Now().Add(r.poll)
		}
	}
}

// drain hands on what is in the ring. It gives room back in steps: the programs look at how much there is for every
// record, on all processors.
func (r *Reader) drain(handler Handler) {
	for {
		record, more := r.memory.next()
		if !more {
			break
		}
		if record == nil {
			continue
		}
		r.records.Add(1)
		handler.Record(record)
	}
	r.memory.release()
}

// Waiting is how many bytes of the ring are taken.
func (r *Reader) Waiting() int { return r.memory.waiting() }

// Records is the number of records read.
func (r *Reader) Records() uint64 { return r.records.Load() }

// Stop makes Run return once it has handed on what is in the ring.
func (r *Reader) Stop() error {
	if err := r.bell.ring(); err != nil {
		return fmt.Errorf("stop reading ring buffer: %w", err)
	}
	return nil
}

// Close unmaps the ring. Run must have returned.
func (r *Reader) Close() error {
	if err := errors.Join(r.bell.close(), r.memory.unmap()); err != nil {
		return fmt.Errorf("close ring buffer: %w", err)
	}
	return nil
}
