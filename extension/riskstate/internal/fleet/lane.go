// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"time"
)

// lanes is the number of lanes, part of the format of keys: a cluster can have that many masters. In a cluster of
// three the slots of the tags "00" to "1f" are divided 11, 11, 10.
const lanes = 32

// lane is a share of the keys.
type lane struct {
	prefix    string // of all its keys
	marker    string // key of the number of the last batch
	sequence  uint64 // of the batch made last
	confirmed uint64 // of the batch answered last
	queue     []*batch
	breaker   breaker

	// The outcome of sending, for the fleet's goroutine.
	totals []answer
	err    error
}

// batch is what is sent and applied as one.
type batch struct {
	sequence uint64
	made     time.Time
	expiry   time.Duration // the longest of its items
	items    []item
}

// item is one key of a batch.
type item struct {
	value    Value
	total    Total // its key, to be completed by the reply
	expiry   time.Duration
	first    bool
	amount   int64
	elements []int64
}

// answer is the reply to one batch.
type answer struct {
	batch   *batch
	applied uint64 // number of the last batch that Redis knew of before this one
	numbers []int64
}

func newLane(prefix, instance string, n int) *lane {
	const digits = "0123456789abcdef"
	l := &lane{prefix: prefix + "{" + string(digits[n>>4]) + string(digits[n&15]) + "}"}
	l.marker = l.prefix + "m" + instance
	return l
}

// laneOf spreads keys over lanes.
func laneOf(feature, key uint64) int {
	return int(((feature ^ key) * 0x9e3779b97f4a7c15) >> 59)
}

// add puts a delta into the batch that is being made, and returns whether it is a key of its own there.
func (l *lane) add(v Value, d *Delta, now time.Time, limit int) bool {
	b := l.last()
	if b != nil && b.sequence == 0 && b.continues(v, d) {
		i := &b.items[len(b.items)-1]
		i.elements = append(i.elements, d.Value)
		i.first = i.first || d.First
		b.expiry = max(b.expiry, d.Expiry)
		return false
	}
	if b == nil || b.sequence != 0 || len(b.items) >= limit {
		b = &batch{made: now}
		l.queue = append(l.queue, b)
	}
	b.expiry = max(b.expiry, d.Expiry)
	i := item{
		value: v, expiry: d.Expiry, first: d.First, amount: d.Value,
		total: Total{Kind: d.Kind, Feature: d.Feature, Key: d.Key, Step: d.Step},
	}
	if d.Kind == KindDistinct {
		i.elements = []int64{d.Value}
	}
	b.items = append(b.items, i)
	return true
}

func (l *lane) last() *batch {
	if len(l.queue) == 0 {
		return nil
	}
	return l.queue[len(l.queue)-1]
}

// maxElements bounds one key's share of a request.
const maxElements = 1024

// continues is true for another element of the key that was added last.
func (b *batch) continues(v Value, d *Delta) bool {
	if d.Kind != KindDistinct || len(b.items) == 0 {
		return false
	}
	i := &b.items[len(b.items)-1]
	return i.value == v && len(i.elements) < maxElements &&
		i.total.Kind == d.Kind && i.total.Feature == d.Feature && i.total.Key == d.Key && i.total.Step == d.Step
}

// number gives the batches that are new their numbers. From then on they are not changed.
func (l *lane) number() {
	for _, b := range l.queue {
		if b.sequence == 0 {
			l.sequence++
			b.sequence = l.sequence
		}
	}
}

// expire drops batches that nobody would read any more, and returns the number of their keys.
func (l *lane) expire(now time.Time) (keys int64) {
	kept := l.queue[:0]
	for _, b := range l.queue {
		if b.sequence != 0 && now.Sub(b.made) > b.expiry {
			keys += int64(len(b.items))
			continue
		}
		kept = append(kept, b)
	}
	clear(l.queue[len(kept):])
	l.queue = kept
	return keys
}

// arguments returns the batch as the script wants it; see script.go.
func (l *lane) arguments(b *batch) (keys, args []string) {
	keys = append(make([]string, 0, 1+2*len(b.items)), l.marker)
	args = append(make([]string, 0, 2+5*len(b.items)), strconv.FormatUint(b.sequence, 10), markerExpiry)
	var name [64]byte
	for i := range b.items {
		it := &b.items[i]
		n := append(name[:0], l.prefix...)
		n = appendKey(n, it.total.Kind, it.total.Feature, it.total.Key)
		keys = append(keys, string(strconv.AppendInt(n, it.total.Step, 10)))
		keys = append(keys, string(strconv.AppendInt(n, it.total.Step-1, 10))) // apart: both are written to one buffer
		first := "0"
		if it.first {
			first = "1"
		}
		args = append(args, first, strconv.FormatInt(max(1, it.expiry.Milliseconds()), 10), strconv.Itoa(len(it.elements)))
		if it.total.Kind == KindAdd {
			args = append(args, strconv.FormatInt(it.amount, 10))
		}
		for _, element := range it.elements {
			args = append(args, strconv.FormatInt(element, 36))
		}
	}
	return keys, args
}

// appendKey appends the name of a key without its step.
func appendKey(name []byte, kind uint8, feature, key uint64) []byte {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:], feature)
	binary.BigEndian.PutUint64(raw[8:], key)
	letter := byte('a')
	if kind == KindDistinct {
		letter = 'd'
	}
	return append(base64.RawURLEncoding.AppendEncode(append(name, letter), raw[:]), ':')
}
