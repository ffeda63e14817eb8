// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package producer

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/kafkaerr"
)

// A partition is gone when its topic was deleted, or made anew with fewer partitions. What was never sent to it can go elsewhere;
// what was sent may be in a log that is no more, or is about to be, and no broker will ever say so:
//
//	fewer partitions are listed -> what was never sent goes back to its owner at once
//	                            -> for so long -> what was sent is given up
//	the topic is unknown        -> for so long, and no less than Patience -> what was sent is given up
//
// Nobody knows whether it is in the log, should that be there after all, or will be: an attempt that was cut off may lie in a
// broker's socket. So what follows begins a new epoch, which fits either way, and behind which the old one is refused.

// goneAfter is for how long every look-up has to say that a partition is not there: one broker may be behind the others, and
// the one that is asked is the same until it fails. One that fails says nothing, so the time begins anew.
const goneAfter = time.Minute

var errGone = errors.New("the partition is gone, its topic was deleted or made anew with fewer partitions")

// reasonGone is the reason under which what was sent to a partition that is gone is dropped.
const reasonGone = "partition_gone"

// bury gives up what a partition has that is gone.
func (m *machine) bury(now time.Time, p *partition) {
	fewer, unknown := m.absent(p.key)
	if !fewer && !unknown {
		p.absent = time.Time{}
		return
	}
	if p.absent.IsZero() {
		p.absent = now
	}
	patience := goneAfter
	if fewer {
		p.giveBack()
	} else if patience = max(patience, m.set.Patience); m.set.Patience < 0 {
		return
	}
	// What is in flight, or being cut, comes back first.
	if now.Sub(p.absent) < patience || p.inFlight > 0 || p.cutting > 0 {
		return
	}
	for _, b := range slices.Clone(p.queue) {
		if b.sent {
			p.renew = p.identity != nil
			p.remove(b)
			m.drop(b, reasonGone, fmt.Errorf("produce to %s/%d: %w", b.Topic, b.Partition, errGone))
		}
	}
	m.settle(now, p)
}

// doubt begins the time anew for which look-ups agree that partitions are not there: one that failed does not say so.
func (m *machine) doubt() {
	for _, p := range m.order {
		p.absent = time.Time{}
	}
}

// absent tells whether the last look-up of a topic lists fewer partitions, or says that there is no such topic.
func (m *machine) absent(key partitionKey) (fewer, unknown bool) {
	topic := m.topics[key.topic]
	if topic.Err == nil {
		return len(topic.Leaders) > 0 && int(key.index) >= len(topic.Leaders), false
	}
	var answer *kafkaerr.Error
	return false, errors.As(topic.Err, &answer) && kafkaerr.NoTopic(answer.Code)
}

// giveBack gives back what was never sent.
func (p *partition) giveBack() {
	for _, b := range slices.Clone(p.queue) {
		if !b.sent && b.ticket.owner != nil {
			p.remove(b)
			b.ticket.owner.Return(b)
			b.resolve(nil)
		}
	}
}
