// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskcrs

import (
	"sync"

	"github.com/otelcol-risk/otelcol-risk/extension/riskcrs/internal/crs"
)

// refusal is why a request is not looked at.
type refusal uint8

const (
	taken refusal = iota // it is looked at
	tooLarge
	tooMany
	tooManyBytes
	notRunning
	atShutdown
	refusals
)

func (r refusal) String() string {
	return [refusals]string{"", "too_large", "queue_requests", "queue_bytes", "not_running", "shutdown"}[r]
}

// queue holds the requests that wait, first in, first out, within two bounds. It may be used by many goroutines at once.
type queue struct {
	maxBytes int
	mu       sync.Mutex // guards the following
	arrived  sync.Cond  // there is a request, or the queue is closed
	waiting  []waiting  // a ring, of as many as may wait
	first    int
	count    int
	bytes    int
	open     bool
}

// waiting is a request of the queue, with memory of its own.
type waiting struct {
	request crs.Request
	bytes   int
	done    func(*Finding)
}

func newQueue(cfg *QueueConfig) *queue {
	q := &queue{maxBytes: cfg.MaxBytes, waiting: make([]waiting, cfg.MaxRequests), open: true}
	q.arrived.L = &q.mu
	return q
}

// put adds the request, or says why not. Only what is taken is copied.
func (q *queue) put(r *Request, bytes int, done func(*Finding)) refusal {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case !q.open:
		return notRunning
	case q.count == len(q.waiting):
		return tooMany
	case q.bytes+bytes > q.maxBytes:
		return tooManyBytes
	}
	q.waiting[(q.first+q.count)%len(q.waiting)] = waiting{copyOf(r, bytes), bytes, done}
	q.count++
	q.bytes += bytes
	q.arrived.Signal()
	return taken
}

// take waits for a request; false when the queue is closed.
func (q *queue) take() (waiting, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.count == 0 && q.open {
		q.arrived.Wait()
	}
	if !q.open {
		return waiting{}, false
	}
	w := q.waiting[q.first]
	q.waiting[q.first] = waiting{}
	q.first = (q.first + 1) % len(q.waiting)
	q.count--
	q.bytes -= w.bytes
	return w, true
}

// close forgets what waits, and returns how many requests that were.
func (q *queue) close() (left int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	left = q.count
	q.open, q.count, q.bytes, q.waiting = false, 0, 0, nil
	q.arrived.Broadcast()
	return left
}

// size is what waits.
func (q *queue) size() (requests, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.count, q.bytes
}

// headerBytes is what a header field takes beside its texts, of which there can be very many that are empty.
const headerBytes = 32

// sizeOf is the memory of the request: its texts and header fields.
func sizeOf(r *Request) int {
	n := len(r.Method) + len(r.Path) + len(r.Query) + headerBytes*len(r.Headers)
	for i := range r.Headers {
		n += len(r.Headers[i].Name) + len(r.Headers[i].Value)
	}
	return n
}

// copyOf copies the request: the texts to one piece of memory, of at most the given size, so that a batch is not kept for a query.
func copyOf(r *Request, bytes int) crs.Request {
	memory := make([]byte, 0, bytes)
	headers := make([]crs.Header, len(r.Headers))
	memory = append(append(append(memory, r.Method...), r.Path...), r.Query...)
	for i := range r.Headers {
		memory = append(append(memory, r.Headers[i].Name...), r.Headers[i].Value...)
	}
	rest := string(memory)
	next := func(like string) (text string) {
		text, rest = rest[:len(like)], rest[len(like):]
		return text
	}
	c := crs.Request{Method: next(r.Method), Path: next(r.Path), Query: next(r.Query), Headers: headers}
	for i := range headers {
		headers[i] = crs.Header{Name: next(r.Headers[i].Name), Value: next(r.Headers[i].Value)}
	}
	return c
}
