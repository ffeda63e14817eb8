// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// senders is how many batches the next component is given at the same time.
const senders = 4

var errShutdown = errors.New("the time for the shutdown is over")

// outbox holds what is decided until the next component has taken it, and gives it that by goroutines of its own: what waits
// meanwhile is sent together.
type outbox struct {
	send    func(context.Context, ptrace.Traces) error
	lost    func(spans int, err error)
	cancel  context.CancelFunc
	sending sync.WaitGroup

	mu        sync.Mutex // guards the following
	waiting   []parcel
	bytes     int64         // of what waits, is being sent, and is claimed
	closed    bool          // nothing more comes
	abandoned bool          // nothing more is sent
	late      int           // spans that were lost by that
	changed   chan struct{} // closed at the next change, nil when nobody waits for it
}

// parcel is spans that are decided.
type parcel struct {
	traces ptrace.Traces
	spans  int
	bytes  int64 // of memory, as estimated
}

func newOutbox(send func(context.Context, ptrace.Traces) error, lost func(spans int, err error)) *outbox {
	return &outbox{send: send, lost: lost}
}

func (o *outbox) start() {
	ctx, cancel := context.WithCancel(context.Background())
	o.cancel = cancel
	for range senders {
		o.sending.Go(func() {
			for p, ok := o.next(); ok; p, ok = o.next() {
				err := o.send(ctx, p.traces)
				o.sent(&p, ctx.Err(), err)
			}
		})
	}
}

// put gives it what is to be sent.
func (o *outbox) put(p parcel) {
	o.mu.Lock()
	abandoned := o.abandoned
	if abandoned {
		o.late += p.spans
	} else {
		o.waiting = append(o.waiting, p)
		o.bytes += p.bytes
		o.wake()
	}
	o.mu.Unlock()
	if abandoned {
		o.lost(p.spans, errShutdown)
	}
}

// next waits for something to send; there is nothing when all is sent and nothing more comes.
func (o *outbox) next() (p parcel, ok bool) {
	o.mu.Lock()
	for len(o.waiting) == 0 {
		if o.closed {
			o.mu.Unlock()
			return parcel{}, false
		}
		changed := o.change()
		o.mu.Unlock()
		<-changed
		o.mu.Lock()
	}
	p = o.waiting[0]
	n := 1
	for ; n < len(o.waiting) && p.spans < holderBatchSpans && p.bytes+o.waiting[n].bytes <= holderBatchBytes; n++ {
		p.spans += o.waiting[n].spans
		p.bytes += o.waiting[n].bytes
	}
	more := slices.Clone(o.waiting[1:n])
	o.waiting = slices.Delete(o.waiting, 0, n)
	o.mu.Unlock()
	for i := range more {
		more[i].traces.ResourceSpans().MoveAndAppendTo(p.traces.ResourceSpans())
	}
	return p, true
}

// sent notes what became of a parcel.
func (o *outbox) sent(p *parcel, over, err error) {
	if err != nil && over != nil {
		err = fmt.Errorf("%w: %w", errShutdown, err)
	}
	if err != nil {
		o.lost(p.spans, err)
	}
	o.mu.Lock()
	o.bytes -= p.bytes
	if errors.Is(err, errShutdown) {
		o.late += p.spans
	}
	o.wake()
	o.mu.Unlock()
}

// change returns what is closed at the next change.
func (o *outbox) change() <-chan struct{} {
	if o.changed == nil {
		o.changed = make(chan struct{})
	}
	return o.changed
}

// wake has everybody who waits for a change look again.
func (o *outbox) wake() {
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
}

// claim makes room for what is about to be decided, if there is not more than so much already. The claim is given back by
// unclaim, after what came of it was put.
func (o *outbox) claim(most, bytes int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.bytes > most {
		return false
	}
	o.bytes += bytes
	return true
}

func (o *outbox) unclaim(bytes int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes -= bytes
	o.wake()
}

// size is the memory of what the next component has not taken, as estimated.
func (o *outbox) size() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes
}

// wait waits until it is not more than so many bytes.
func (o *outbox) wait(ctx context.Context, bytes int64) error {
	for {
		o.mu.Lock()
		enough := o.bytes <= bytes
		var changed <-chan struct{}
		if !enough {
			changed = o.change()
		}
		o.mu.Unlock()
		if enough {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// abandon gives up what is not sent.
func (o *outbox) abandon() {
	o.mu.Lock()
	defer o.mu.Unlock()
	spans := 0
	for i := range o.waiting {
		spans += o.waiting[i].spans
		o.bytes -= o.waiting[i].bytes
	}
	o.waiting, o.abandoned = nil, true
	o.late += spans
	if spans > 0 {
		o.lost(spans, errShutdown) // before close can return
	}
	o.wake()
	o.cancel()
}

// close waits until everything is sent, or given up.
func (o *outbox) close() error {
	o.mu.Lock()
	o.closed = true
	o.wake()
	o.mu.Unlock()
	o.sending.Wait()
	o.cancel()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.late > 0 {
		return fmt.Errorf("%w: %d spans that were held are lost", errShutdown, o.late)
	}
	return nil
}
