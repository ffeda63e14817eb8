// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package producer

import (
	"errors"
	"time"

	"github.com/stretchr/testify/require"
)

// fickle is the partition that vanishes from time to time, in some worlds.
const fickle = worldPartitions - 1

// vanished is what a world knows of a partition that vanishes: look-ups do not list it, because a broker is behind, or because
// it was deleted, and with it its log.
type vanished struct {
	fickle            bool
	unlisted, deleted bool
	graves            []*ledger // logs that are no more
	// gone were given up, back were given back.
	gone, back map[*Batch]bool
}

func newVanished(seed uint64) vanished {
	return vanished{fickle: seed%3 == 0, gone: make(map[*Batch]bool), back: make(map[*Batch]bool)}
}

// vanish lets the partition vanish, for longer than the machine waits or not.
func (w *world) vanish() {
	w.unlisted, w.deleted = true, w.chance(2)
	w.say("partition %d vanishes, deleted %t", fickle, w.deleted)
	if w.deleted {
		old := w.ledgers[fickle]
		w.graves = append(w.graves, old)
		w.ledgers[fickle] = &ledger{leader: old.leader, memories: make(map[int64]*memory), strict: old.strict}
		w.ghosts = nil // no socket holds a request for that long
	}
	for range 1 + w.random.IntN(90) {
		w.pass(time.Second)
		for range 4 {
			w.respond(false)
			node := 1 + w.random.Int32N(2)
			w.work(w.connections[node], true)
			w.reply(w.connections[node])
		}
		if w.chance(10) {
			w.submit()
		}
	}
	w.unlisted, w.deleted = false, false
	w.say("partition %d is there again", fickle)
}

// Dropped notes what was given up because its partition was gone.
func (w *world) Dropped(b *Batch, reason string) {
	if reason == reasonGone {
		w.gone[b] = true
	}
}

func (w *world) takeBack(b *Batch) {
	require.False(w.t, b.sent, "a batch that may be in the log is given back")
	w.back[b] = true
}

// mourns tells whether b's partition has lost a log. That has taken with it what it had, and what brokers knew of the producer: the
// next one takes a batch before those in front of it that were in flight. All that is certain is that every batch has a fate.
func (w *world) mourns(b *Batch) bool { return len(w.graves) > 0 && b.Partition == fickle }

// excused looks at a batch of the partition that vanishes, which was found so many times, and tells whether nothing else is to be
// expected of it.
func (w *world) excused(b *Batch, count int) bool {
	switch {
	case w.back[b]:
		require.NoError(w.t, b.err)
		require.Zero(w.t, count, "a batch that was given back is in a log")
	case w.gone[b]:
		require.True(w.t, errors.Is(b.err, errGone) && int(b.Partition) == fickle, b.err)
	case w.mourns(b) && b.err == nil:
	default:
		return false
	}
	return true
}
