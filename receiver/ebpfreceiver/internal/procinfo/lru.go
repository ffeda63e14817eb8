// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package procinfo

import "time"

// entry is what is remembered under a process id. Entries form a ring in the order of their last use.
type entry struct {
	process *Process
	// comm is the task name that an ended process was asked for with.
	comm [16]byte
	// cgroup is that of the socket that an ended process was asked for with.
	cgroup uint64
	// checked is when /proc was looked at.
	checked time.Duration
	// vouched is the CLOCK_MONOTONIC time in ns of the youngest socket that the process was named for within the recheck
	// time: asked again later, when the process may have ended, the answer is the same.
	vouched uint64
	// forks says whether the process had children when it was asked, at the time asked; 0 is never.
	forks bool
	asked time.Duration

	pid        uint32
	newer, old *entry
}

// lru remembers a bounded number of entries and forgets the least recently used one first.
type lru struct {
	entries map[uint32]*entry
	max     int
	// ring is where the ring begins and ends: ring.old is the newest entry, ring.newer the oldest.
	ring entry
}

// newLRU returns an lru of at most limit entries.
func newLRU(limit int) *lru {
	l := &lru{entries: make(map[uint32]*entry), max: limit}
	l.ring.newer, l.ring.old = &l.ring, &l.ring
	return l
}

// len returns the number of entries.
func (l *lru) len() int { return len(l.entries) }

// get returns the entry of pid, now the newest, or nil.
func (l *lru) get(pid uint32) *entry {
	e := l.entries[pid]
	if e != nil && l.ring.old != e {
		e.unlink()
		l.link(e)
	}
	return e
}

// put remembers e under pid in place of what was there.
func (l *lru) put(pid uint32, e *entry) {
	if old := l.entries[pid]; old != nil {
		old.unlink()
	} else if len(l.entries) == l.max {
		oldest := l.ring.newer
		oldest.unlink()
		delete(l.entries, oldest.pid)
	}
	e.pid = pid
	l.entries[pid] = e
	l.link(e)
}

// link puts e at the newest end.
func (l *lru) link(e *entry) {
	e.newer, e.old = &l.ring, l.ring.old
	e.old.newer, l.ring.old = e, e
}

// unlink takes e out of the ring.
func (e *entry) unlink() {
	e.newer.old, e.old.newer = e.old, e.newer
}
