// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// inFlight is the number of lanes that send at the same time. Redis works on one at a time anyway; a few keep it busy
// without making each other wait for longer than the timeout.
const inFlight = 4

// errReply says that a reply was not understood.
var errReply = errors.New("reply is not what was asked for")

// collect walks over the values and puts what they have into the lanes.
func (f *Fleet) collect(now time.Time) {
	var open [lanes]bool // may take deltas in this round
	for i, l := range f.lanes {
		f.flush.Expired += l.expire(now)
		if len(l.queue) == 0 && l.breaker.ready(now) {
			l.breaker.succeeded() // what failed has expired: nothing is missing any more
		}
		open[i] = len(l.queue) == 0 && l.breaker.ready(now)
	}
	f.taken = 0
	values := f.events.Values()
	f.round++
	for i := range values {
		value := values[(i+f.round)%len(values)] // by turns, or MaxKeys would always be used up by the same one
		value.Deltas(func(d *Delta) bool {
			n := laneOf(d.Feature, d.Key)
			switch {
			case d.Local < f.settings.PublishMin:
				f.flush.Rare++
			case !open[n]:
				f.flush.Unreachable++
			case f.taken >= f.settings.MaxKeys:
				f.flush.Full++
			default:
				if f.lanes[n].add(value, d, now, f.settings.BatchKeys) {
					f.taken++
				}
				return true
			}
			return false
		})
	}
	f.flush.Sent = int64(f.taken)
	for _, l := range f.lanes {
		l.number()
	}
}

// send sends the batches of every lane that may be tried.
func (f *Fleet) send(ctx context.Context, client rueidis.Client) {
	now := f.now()
	work := make(chan *lane, lanes)
	for _, l := range f.lanes {
		if len(l.queue) > 0 && l.breaker.ready(now) {
			work <- l
		}
	}
	close(work)
	var senders sync.WaitGroup
	for range min(inFlight, len(work)) {
		senders.Go(func() {
			for l := range work {
				l.send(ctx, client, f.settings.Timeout)
			}
		})
	}
	senders.Wait()
}

// send sends the lane's batches, in order, until one fails.
func (l *lane) send(ctx context.Context, client rueidis.Client, timeout time.Duration) {
	for _, b := range l.queue {
		numbers, err := l.apply(ctx, client, b, timeout)
		if err != nil {
			l.err = fmt.Errorf("send %d keys to Redis: %w", len(b.items), err)
			return
		}
		l.totals = append(l.totals, answer{batch: b, applied: uint64(numbers[0]), numbers: numbers[1:]})
	}
}

func (l *lane) apply(ctx context.Context, client rueidis.Client, b *batch, timeout time.Duration) ([]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	keys, args := l.arguments(b)
	numbers, err := applyScript.Exec(ctx, client, keys, args).AsIntSlice()
	if err == nil && len(numbers) != 1+2*len(b.items) {
		err = fmt.Errorf("%w: %d numbers", errReply, len(numbers))
	}
	return numbers, err
}

// settle tells the values what was answered, and counts.
func (f *Fleet) settle() {
	now := f.now()
	for _, l := range f.lanes {
		for i := range l.totals {
			f.confirm(l, &l.totals[i])
		}
		if len(l.totals) > 0 {
			l.breaker.succeeded()
			l.queue = append(l.queue[:0], l.queue[len(l.totals):]...)
			clear(l.totals)
			l.totals = l.totals[:0]
		}
		if l.err != nil {
			f.flush.Failed++
			l.breaker.failed(now, &f.settings)
			f.fault(l.err)
			l.err = nil
		}
	}
}

func (f *Fleet) confirm(l *lane, a *answer) {
	b := a.batch
	f.flush.Confirmed += int64(len(b.items))
	if a.applied >= b.sequence {
		f.flush.Repeated++
	} else if a.applied < l.confirmed {
		f.flush.Forgotten += int64(l.confirmed - a.applied)
	}
	l.confirmed = b.sequence
	for i := range b.items {
		total, previous := a.numbers[2*i], a.numbers[2*i+1]
		if total < 0 {
			continue // a key that cannot be added to; what was said before still holds
		}
		f.merged = b.items[i].total
		f.merged.Total, f.merged.Previous = total, previous
		b.items[i].value.Merge(&f.merged)
	}
}
