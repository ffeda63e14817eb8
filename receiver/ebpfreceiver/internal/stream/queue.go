// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package stream

// queue is things in the order in which they were last touched, about: the one that was quiet for the longest time first.
// Its zero value is not ready.
type queue[T any] struct {
	root   place[T] // before the first and behind the last
	length int
	step   uint64 // ns; touches that are closer together than that change nothing
}

// place is where a thing is in a queue; it is a part of the thing.
type place[T any] struct {
	before, behind *place[T]
	of             *T
	since          uint64 // when it was put there
}

func (q *queue[T]) init(step uint64) {
	q.step = step
	q.root.before, q.root.behind = &q.root, &q.root
}

// first returns the first; nil if there is none.
func (q *queue[T]) first() *T { return q.root.behind.of }

// next returns the one behind that at p; nil if there is none.
func (p *place[T]) next() *T { return p.behind.of }

// add puts a thing at the end.
func (q *queue[T]) add(p *place[T], of *T, now uint64) {
	p.of = of
	q.append(p, now)
	q.length++
}

func (q *queue[T]) append(p *place[T], now uint64) {
	p.since = now
	p.before, p.behind = q.root.before, &q.root
	p.before.behind, q.root.before = p, p
}

// touch moves a thing to the end, unless it was put there a moment ago.
func (q *queue[T]) touch(p *place[T], now uint64) {
	if int64(now-p.since) > int64(q.step) {
		q.last(p, now)
	}
}

// last moves a thing to the end.
func (q *queue[T]) last(p *place[T], now uint64) {
	p.unlink()
	q.append(p, now)
}

// remove takes a thing out.
func (q *queue[T]) remove(p *place[T]) {
	p.unlink()
	p.before, p.behind, p.of = nil, nil, nil
	q.length--
}

func (p *place[T]) unlink() {
	p.before.behind, p.behind.before = p.behind, p.before
}
