// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package producer

import (
	"context"
	"sync"
	"time"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/wire"
)

// loop runs a machine: it is its only caller, its clock and its effects.
//
// Every goroutine that it starts (its own, the one that asks the cluster, dialling ones, those of the pipes) has ended
// when done is closed.
type loop struct {
	Observer
	ctx      context.Context
	producer *Producer
	set      Settings
	machine  *machine

	events  chan event
	asks    chan func(context.Context) // of the machine
	others  chan func(context.Context) // of anybody else, who waits to be heard
	pipes   map[int32]Pipe
	helpers sync.WaitGroup
	idle    chan struct{} // closed when nothing is in flight; nil while nobody waits for that
	done    chan struct{}
}

// event is something for the machine to hear. Those that come with every request are there already; the others are told.
type event interface {
	tell(m *machine, now time.Time)
}

type told func(m *machine, now time.Time)

func (t told) tell(m *machine, now time.Time) { t(m, now) }

func newLoop(ctx context.Context, set Settings, p *Producer) *loop {
	const (
		eventsBuffered = 256 // a burst of answers need not wake the loop for each
		asksAtMost     = 2   // the machine has one question of each kind open
	)
	l := &loop{
		Observer: set.Observer, ctx: ctx, producer: p, set: set,
		events: make(chan event, eventsBuffered), asks: make(chan func(context.Context), asksAtMost),
		others: make(chan func(context.Context)),
		pipes:  make(map[int32]Pipe), done: make(chan struct{}),
	}
	l.machine = newMachine(set, l)
	return l
}

func (l *loop) start(topics []string) {
	l.helpers.Go(l.answerAsks)
	go l.run(topics)
}

// post hands what it is told to the machine; see hear.
func (l *loop) post(t told) { l.hear(t) }

// hear hands an event to the machine; after the loop has ended it does nothing.
func (l *loop) hear(e event) {
	select {
	case l.events <- e:
	case <-l.ctx.Done():
	}
}

func (l *loop) run(topics []string) {
	defer close(l.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for _, topic := range topics {
		l.machine.keep(time.Now(), topic)
	}
	for {
		select {
		case <-l.ctx.Done():
			l.end()
			return
		case e := <-l.events:
			e.tell(l.machine, time.Now())
		case now := <-timer.C:
			l.machine.tick(now)
		}
		if alarm := l.machine.alarm; alarm.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(alarm))
		}
		if l.idle != nil && !l.machine.busy() {
			close(l.idle)
			l.idle = nil
		}
	}
}

// end closes every pipe and waits for every goroutine. The context has ended, so none of them waits for the loop.
func (l *loop) end() {
	for _, pipe := range l.pipes {
		pipe.Close()
		<-pipe.Done()
	}
	l.helpers.Wait()
}

func (l *loop) whenIdle(idle chan struct{}) { l.idle = idle }

// answerAsks asks the cluster, one question at a time.
func (l *loop) answerAsks() {
	for {
		select {
		case <-l.ctx.Done():
			// Nothing can be done about a connection that does not close well.
			_ = l.set.Cluster.Close()
			return
		case ask := <-l.asks:
			ask(l.ctx)
		case ask := <-l.others:
			ask(l.ctx)
		}
	}
}

func (l *loop) askLayout(topics []string) {
	l.asks <- func(ctx context.Context) {
		layout, err := l.set.Cluster.Layout(ctx, topics, l.set.CreateTopics)
		l.post(func(m *machine, now time.Time) { m.laidOut(now, layout, err) })
	}
}

func (l *loop) askIdentity() {
	l.asks <- func(ctx context.Context) {
		id, epoch, err := l.set.Cluster.ProducerID(ctx)
		l.post(func(m *machine, now time.Time) { m.identified(now, id, epoch, err) })
	}
}

func (l *loop) cut(b *Batch) {
	l.helpers.Go(func() {
		pieces, err := b.ticket.owner.Cut(l.ctx, b)
		l.post(func(m *machine, now time.Time) { m.wasCut(now, b, pieces, err) })
	})
}

func (l *loop) publish(topics map[string]wire.Topic) { l.producer.topics.Store(&topics) }

// Health keeps the last trouble for error messages and passes it on.
func (l *loop) Health(err error) {
	if err == nil {
		l.producer.trouble.Store(nil)
	} else {
		l.producer.trouble.Store(&err)
	}
	l.Observer.Health(err)
}

func (l *loop) dial(node int32, address string) {
	l.helpers.Go(func() {
		pipe, err := l.set.Dial(l.ctx, address)
		heard := make(chan struct{})
		l.post(func(m *machine, now time.Time) {
			close(heard)
			var expires time.Time
			if err == nil {
				expires = pipe.Expires()
				// Only now, or the pipe's end could be heard of before its beginning.
				l.pipes[node] = pipe
				pipe.Start(&ear{l, node})
			}
			m.connected(now, node, expires, err)
		})
		select {
		case <-heard:
		case <-l.ctx.Done():
			// The loop may end without having heard of the pipe; closing twice does no harm.
			if err == nil {
				pipe.Close()
			}
		}
	})
}

func (l *loop) send(f *flight) { l.pipes[f.node].Send(&f.request) }

func (l *loop) hangUp(node int32) { l.pipes[node].Close() }

// ear is the handler of one node's pipe.
type ear struct {
	loop *loop
	node int32
}

// Answered passes an answer on to the machine.
func (e *ear) Answered(r *wire.Request, a wire.Answer) {
	if f, ok := r.Tag.(*flight); ok {
		f.answer = a
		e.loop.hear(f)
	}
}

// Closed passes the end of the pipe on to the machine.
func (e *ear) Closed(err error) {
	e.loop.post(func(m *machine, now time.Time) {
		delete(e.loop.pipes, e.node)
		m.closed(now, e.node, err)
	})
}
