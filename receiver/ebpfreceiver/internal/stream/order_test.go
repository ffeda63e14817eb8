// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

func TestACallThatWaitedWhileItWasAnsweredIsNoFailure(t *testing.T) {
	w := newWire(defaults())
	w.open(0, event.HTTP2)
	w.raw(true, w.request(t, 1, "/missed"))
	ask := func(id uint32, path string) {
		frame := w.request(t, id, path)
		from := w.at[1]
		w.at[1] += uint32(len(frame))
		w.tracker.Record(w.record(event.StreamData, true, event.Guessed, from, w.at[1], frame))
	}
	ask(3, "/answered")
	for _, id := range []uint32{1, 3} {
		w.tracker.Record(w.raw(false, w.response(t, id)))
	}
	assert.EqualValues(t, 2, w.tracker.Counts.Unmatched.Load())
	w.now += 3 * second
	ask(5, "/seen")
	assert.EqualValues(t, 1, w.tracker.Counts.Gaps.Load(), "it is not waited for any more")
	w.tracker.Record(w.raw(false, w.response(t, 5)))
	w.tracker.Expire(w.now + 11*second)
	require.Len(t, w.seen.exchanges, 1)
	assert.EqualValues(t, 200, w.seen.exchanges[0].HTTP.Status)
	assert.EqualValues(t, 1, w.tracker.Counts.Missed.Load())
	ask(7, "/hangs")
	w.tracker.Expire(w.now + 11*second)
	require.Len(t, w.seen.exchanges, 2)
	assert.Equal(t, protocol.Timeout, w.seen.exchanges[1].Failure)
}
