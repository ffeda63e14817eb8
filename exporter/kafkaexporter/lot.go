// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
)

// lot is many small requests for the same topics that are delivered as one: one batch a partition, one produce request. Whoever
// comes first waits for others, then plans the batches of all; everybody waits for their fate.
//
//	join ... join -> full, or linger is over -> planned -> rounds of delivery -> resolved
//
// A member whose context ends leaves, and when it tries again finds the lot as it is. What was never sent is withdrawn from
// the producer while nobody waits.
type lot struct {
	// request holds everybody's records. Only the first member touches it until planned is closed, after that only rounds.
	request request
	topics  string // see topicsOf
	full    chan struct{}
	planned chan struct{}
	// alone says that nothing was planned: every member goes on by itself, with its own records.
	alone bool
	err   error

	mu      sync.Mutex // guards the following
	waiting int
	round   *round
}

// round is one attempt to deliver a lot.
type round struct {
	cancel context.CancelFunc
	done   chan struct{}
	// err, and whether it is that nobody waited any more, are set before done is closed.
	err       error
	cancelled bool
}

// lots finds the lot that a request may join.
type lots struct {
	linger time.Duration
	// small is the size from which on a request goes alone, in bytes. limit closes a lot.
	small, limit int
	// consumers is how many requests can be under way at once; 0 is not known.
	consumers int

	mu     sync.Mutex      // guards the following
	open   map[string]*lot // by topics
	inside int             // requests under way, in a lot or not

	delivering sync.WaitGroup
}

// newLots returns the lots of batches of at most maxBytes.
func newLots(linger time.Duration, maxBytes, consumers int) *lots {
	const most = 32 << 10
	return &lots{linger: linger, small: min(most, maxBytes/8), limit: maxBytes / 2, consumers: consumers, open: make(map[string]*lot)}
}

// enter and leave count the requests under way.
func (s *lots) enter() {
	s.mu.Lock()
	s.inside++
	s.mu.Unlock()
}

func (s *lots) leave() {
	s.mu.Lock()
	s.inside--
	s.mu.Unlock()
}

// pass tells the lots of a request that joins none.
func (s *lots) pass() {
	s.mu.Lock()
	s.hurry()
	s.mu.Unlock()
}

// hurry closes the open lots if nobody is left who could join them. The caller holds the lock.
func (s *lots) hurry() {
	if s.consumers > 0 && s.inside >= s.consumers {
		for _, l := range s.open {
			s.close(l)
		}
	}
}

func (s *lots) close(l *lot) {
	close(l.full)
	delete(s.open, l.topics)
}

// join puts a request into the open lot for its topics, or begins one.
func (s *lots) join(r *request) (l *lot, first bool) {
	topics := topicsOf(r.records)
	s.mu.Lock()
	defer s.mu.Unlock()
	l = s.open[topics]
	if first = l == nil; first {
		l = &lot{topics: topics, full: make(chan struct{}), planned: make(chan struct{})}
		s.open[topics] = l
	}
	l.request.records = append(l.request.records, r.records...)
	l.request.items += r.items
	l.request.bytes += r.bytes
	if l.request.bytes >= s.limit {
		s.close(l)
	} else {
		s.hurry()
	}
	return l, first
}

// topicsOf returns the topics of records, each once where the same follow each other, with a character between them that no topic
// has.
func topicsOf(records []encode.Record) string {
	topics := records[0].Topic
	for i := 1; i < len(records); i++ {
		if topic := records[i].Topic; topic != records[i-1].Topic {
			topics += "/" + topic
		}
	}
	return topics
}

// gathered waits until the lot is full or has waited long enough, and closes it.
func (s *lots) gathered(ctx context.Context, l *lot) {
	timer := time.NewTimer(s.linger)
	defer timer.Stop()
	select {
	case <-l.full:
		return
	case <-timer.C:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[l.topics] == l {
		delete(s.open, l.topics)
	}
}

// gather lets a small request that is new join a lot.
func (e *kafkaExporter) gather(ctx context.Context, req *request) {
	if e.lots.linger <= 0 || req.bytes >= e.lots.small || req.lot != nil || req.ticket != nil || len(req.records) == 0 {
		e.lots.pass()
		return
	}
	l, first := e.lots.join(req)
	req.lot = l
	if first {
		e.lots.gathered(ctx, l)
		e.planLot(ctx, l)
		close(l.planned)
	}
}

// planLot plans the batches of all members, unless it would have to wait for a topic, or waits for room in vain.
func (e *kafkaExporter) planLot(ctx context.Context, l *lot) {
	topic := ""
	for i := range l.request.records {
		if r := &l.request.records[i]; i == 0 || r.Topic != topic {
			topic = r.Topic
			if len(e.producer.Known(topic)) == 0 {
				l.alone = true
				return
			}
		}
	}
	switch err := e.plan(ctx, &l.request); {
	case err == nil:
	case consumererror.IsPermanent(err):
		l.err = e.unplanned(&l.request, err)
	default:
		// There was no room for so long. Others may have longer, or need less.
		l.alone = true
	}
}

// follow waits for the fate of the lot that a request has joined. over is false if there is none any more.
func (e *kafkaExporter) follow(ctx context.Context, req *request) (over bool, err error) {
	l := req.lot
	if !l.isPlanned() {
		select {
		case <-l.planned:
		case <-ctx.Done():
			return true, e.producer.TimedOut(ctx)
		}
	}
	if l.alone {
		req.lot = nil
		return false, nil
	}
	req.records = nil
	if l.err != nil {
		return true, l.err
	}
	if err := e.deliverLot(ctx, l); err != nil {
		return true, err
	}
	req.refused = append(req.refused, l.request.refused...)
	req.lot = nil
	return false, nil
}

// isPlanned tells whether the batches are there. Then somebody has to attend them even if its context has ended: the plan has
// taken room for them, which only a round gives back.
func (l *lot) isPlanned() bool {
	select {
	case <-l.planned:
		return true
	default:
		return false
	}
}

// deliverLot waits until the lot is resolved or ctx ends.
func (e *kafkaExporter) deliverLot(ctx context.Context, l *lot) error {
	for {
		r := e.attend(l)
		select {
		case <-r.done:
			l.turnAway()
			// A round that was cancelled when nobody waited says nothing to somebody who came back.
			if !r.cancelled {
				return r.err
			}
		case <-ctx.Done():
			l.turnAway()
			return e.producer.TimedOut(ctx)
		}
	}
}

// attend joins those who wait, and begins a round if there is none.
func (e *kafkaExporter) attend(l *lot) *round {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting++
	if l.round != nil {
		select {
		case <-l.round.done:
			if l.round.err == nil {
				return l.round
			}
		default:
			return l.round
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &round{cancel: cancel, done: make(chan struct{})}
	l.round = r
	e.lots.delivering.Go(func() {
		defer cancel()
		r.err = e.settleLot(ctx, l)
		r.cancelled = r.err != nil && ctx.Err() != nil
		close(r.done)
	})
	return r
}

// settleLot delivers everything that the lot has, also what finds another partition and dead letters: nobody knows whose they are,
// so no member is told before they have arrived. What can never be planned is a fate, too.
func (e *kafkaExporter) settleLot(ctx context.Context, l *lot) error {
	req := &l.request
	err := e.settle(ctx, req)
	if consumererror.IsPermanent(err) {
		req.records, req.refused = nil, append(req.refused, err)
		return nil
	}
	return err
}

// turnAway is the opposite of attend. Without anybody who waits the round ends.
func (l *lot) turnAway() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting--
	if l.waiting == 0 {
		l.round.cancel()
	}
}
