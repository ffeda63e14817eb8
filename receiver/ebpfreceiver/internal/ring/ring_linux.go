// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package ring reads the BPF ring buffer and hands its records on, one by one and in order.
//
// The programs wake the reader only when much is waiting; a poll with an interval brings the rest. So the reader sleeps
// while nothing happens, and on a busy host one wake-up serves thousands of records.
package ring

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
)

// Handler takes what is read. Both methods are called by the goroutine of [Reader.Run], never at once.
type Handler interface {
	// Record gets one record. Its bytes are valid during the call only.
	Record(record []byte)
	// Idle is called when the ring is empty, at least once a poll interval while it keeps being empty.
	Idle()
}

// Reader reads one ring buffer. Run is to be called once; Stop, Waiting and Records are safe for concurrent
// use.
type Reader struct {
	reader  *ringbuf.Reader
	poll    time.Duration
	records atomic.Uint64
}

// NewReader maps the ring into memory. Close the reader before the ring.
func NewReader(ring *ebpf.Map, poll time.Duration) (*Reader, error) {
	reader, err := ringbuf.NewReader(ring)
	if err != nil {
		return nil, fmt.Errorf("open ring buffer: %w", err)
	}
	return &Reader{reader: reader, poll: poll}, nil
}

// Run hands records to handler until Stop is called, then what was in the ring at that time. It returns nil after Stop.
func (r *Reader) Run(handler Handler) error {
	var record ringbuf.Record
	r.reader.SetDeadline(time.Now().Add(r.poll))
	for {
		err := r.reader.ReadInto(&record)
		switch {
		case err == nil:
			r.records.Add(1)
			handler.Record(record.RawSample)
		case errors.Is(err, os.ErrDeadlineExceeded):
			handler.Idle()
			r.reader.SetDeadline(time.Now().Add(r.poll))
		case errors.Is(err, ringbuf.ErrFlushed):
			return nil
		default:
			return fmt.Errorf("read ring buffer: %w", err)
		}
	}
}

// Waiting is how many bytes of the ring are taken.
func (r *Reader) Waiting() int { return r.reader.AvailableBytes() }

// Records is the number of records read.
func (r *Reader) Records() uint64 { return r.records.Load() }

// Stop makes Run return once it has handed on what is in the ring.
func (r *Reader) Stop() error {
	if err := r.reader.Flush(); err != nil {
		return fmt.Errorf("flush ring buffer: %w", err)
	}
	return nil
}

// Close unmaps the ring. Run must have returned.
func (r *Reader) Close() error {
	if err := r.reader.Close(); err != nil {
		return fmt.Errorf("close ring buffer: %w", err)
	}
	return nil
}
