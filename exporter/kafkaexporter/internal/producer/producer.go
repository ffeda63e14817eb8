// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package producer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/wire"
)

// ErrClosed is returned to callers that come after, or wait during, Shutdown.
var ErrClosed = errors.New("producer is shut down")

// Producer delivers batches. It is safe for concurrent use.
type Producer struct {
	loop   *loop
	topics atomic.Pointer[map[string]wire.Topic]
	// trouble is the last thing that went wrong, for error messages of those who ran out of time.
	trouble atomic.Pointer[error]

	stop     context.CancelFunc
	stopOnce sync.Once
}

// Start starts a producer that looks up topics right away. It does not wait for anything.
func Start(set Settings, topics ...string) *Producer {
	ctx, stop := context.WithCancel(context.Background())
	p := &Producer{stop: stop}
	p.loop = newLoop(ctx, set, p)
	p.loop.start(topics)
	return p
}

// Leaders returns the node ids of the leaders of a topic's partitions, -1 for those without, and so the number of
// partitions. If they are not known yet it waits for the next look-up or ctx. The slice must not be changed.
func (p *Producer) Leaders(ctx context.Context, topic string) ([]int32, error) {
	if leaders := p.Known(topic); len(leaders) > 0 {
		return leaders, nil
	}
	reply := make(chan error, 1)
	p.loop.post(func(m *machine, now time.Time) { m.want(now, topic, reply) })
	select {
	case err := <-reply:
		return p.Known(topic), err
	case <-ctx.Done():
		p.loop.post(func(m *machine, _ time.Time) { m.unwant(reply) })
		return nil, p.TimedOut(ctx)
	case <-p.loop.done:
		return nil, ErrClosed
	}
}

// Known is Leaders without waiting; it returns nil for what is not known yet.
func (p *Producer) Known(topic string) []int32 {
	if topics := p.topics.Load(); topics != nil {
		return (*topics)[topic].Leaders
	}
	return nil
}

// MaxMessageBytes returns the largest batch that a topic takes, in bytes. It asks the broker that answered last, or else any other
// one, for as long as ctx lasts; look-ups wait meanwhile, so that should not be long.
func (p *Producer) MaxMessageBytes(ctx context.Context, topic string) (int, error) {
	type answer struct {
		most int
		err  error
	}
	reply := make(chan answer, 1)
	ask := func(loop context.Context) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(loop, cancel)()
		most, err := p.loop.set.Cluster.MaxMessageBytes(ctx, topic)
		reply <- answer{most, err}
	}
	select {
	case p.loop.others <- ask:
	case <-ctx.Done():
		return 0, fmt.Errorf("ask for the settings of topic %q: %w", topic, ctx.Err())
	case <-p.loop.ctx.Done():
		return 0, ErrClosed
	}
	a := <-reply // its context is ours, and the producer's
	return a.most, a.err
}

// Deliver delivers the ticket's batches and waits until the fate of all of them is known or ctx ends. It returns nil in
// the first case, see Ticket.Errs. In the second case batches that may have reached a broker stay with the producer:
// to learn what became of them, and to deliver the others, call Deliver again with the same ticket.
func (p *Producer) Deliver(ctx context.Context, t *Ticket) error {
	if t.Resolved() {
		return nil
	}
	p.loop.hear(submission{t})
	select {
	case <-t.done:
		return nil
	case <-p.loop.done:
		return ErrClosed
	case <-ctx.Done():
	}
	withdrawn := make(chan struct{})
	p.loop.post(func(m *machine, _ time.Time) { m.withdraw(t); close(withdrawn) })
	select {
	case <-withdrawn:
	case <-p.loop.done:
		return ErrClosed
	}
	if t.Resolved() {
		return nil
	}
	return p.TimedOut(ctx)
}

// submission is the event of a ticket's beginning.
type submission struct{ *Ticket }

func (s submission) tell(m *machine, now time.Time) { m.submit(now, s.Ticket) }

// TimedOut describes why somebody waited in vain: the end of ctx, and the last thing that went wrong.
func (p *Producer) TimedOut(ctx context.Context) error {
	if trouble := p.trouble.Load(); trouble != nil {
		return fmt.Errorf("wait for the broker: %w, last error: %w", ctx.Err(), *trouble)
	}
	return fmt.Errorf("wait for the broker: %w", ctx.Err())
}

// Shutdown waits until every batch that was sent has an outcome, or until ctx ends, then closes all connections and
// waits for all goroutines. It returns an error if batches were left whose outcome is unknown.
func (p *Producer) Shutdown(ctx context.Context) error {
	idle := make(chan struct{})
	p.loop.post(func(*machine, time.Time) { p.loop.whenIdle(idle) })
	var err error
	select {
	case <-idle:
	case <-p.loop.done:
	case <-ctx.Done():
		err = fmt.Errorf("shut down producer: batches without an answer are left: %w", ctx.Err())
	}
	p.stopOnce.Do(p.stop)
	<-p.loop.done
	return err
}
