// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package procinfo

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

const (
	// recheck is for how long after a look into /proc a process is taken to be alive and to run the same program. A
	// process id that is given up and used again within that time is mistaken for the old process; the kernel hands
	// out all other ids first.
	recheck = time.Second
	// missTime is for how long an id that led nowhere is not looked up again.
	missTime = time.Second
)

// Settings say where a Resolver looks and how much it remembers.
type Settings struct {
	// Root is where procfs is mounted. Empty means /proc.
	Root string
	// MaxProcesses is how many processes are remembered, at least 1.
	MaxProcesses int
	// Now returns the time that has passed on CLOCK_MONOTONIC since boot. Nil means the system's.
	Now func() time.Duration
	// Suspended returns by how much CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC: for how long the host has slept. Nil
	// means the system's.
	Suspended func() time.Duration
	// CgroupPath returns the path of a cgroup v2 by its id, or "". It is asked where the sockets of ended processes are.
	// Nil means that nobody knows.
	CgroupPath func(id uint64) string
}

// Stats are counts since the Resolver was made.
type Stats struct {
	// Processes is how many processes are remembered now.
	Processes int64
	// Ended counts owners that had ended before they could be read.
	Ended int64
	// Denied counts processes of which something could not be read for want of rights.
	Denied int64
	// Uncertain counts questions for accepted connections whose listener's process has children, any of which may have
	// accepted them.
	Uncertain int64
}

// Resolver finds the processes that own sockets. See the package comment for its concurrency.
type Resolver struct {
	mu       sync.Mutex
	settings Settings
	files    reader
	cache    *lru
	unknown  Process

	places map[uint64]place // of cgroups, by id

	processes, ended, denied, uncertain atomic.Int64
}

// maxPlaces is how many cgroups are remembered; then all are forgotten.
const maxPlaces = 1024

// New returns a Resolver that remembers nothing yet.
func New(settings Settings) *Resolver {
	if settings.Root == "" {
		settings.Root = "/proc"
	}
	if settings.Now == nil {
		settings.Now = monotonicClock()
	}
	if settings.Suspended == nil {
		settings.Suspended = suspended
	}
	return &Resolver{
		settings: settings,
		files:    reader{root: settings.Root, readlink: os.Readlink},
		cache:    newLRU(max(1, settings.MaxProcesses)),
		places:   make(map[uint64]place),
	}
}

// Stats returns the counts. Safe for concurrent use with Resolve.
func (r *Resolver) Stats() Stats {
	return Stats{
		Processes: r.processes.Load(), Ended: r.ended.Load(), Denied: r.denied.Load(), Uncertain: r.uncertain.Load(),
	}
}

// Resolve returns the process that owns a socket. It never returns nil: an owner that is not known is a Process that
// is not Known, and one that has ended has but the kernel's name for it.
func (r *Resolver) Resolve(owner protocol.Owner) *Process {
	if owner.PID == 0 {
		return &r.unknown
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.cache.get(owner.PID)
	if e == nil || !r.holds(e, owner) {
		e = r.look(owner)
		r.cache.put(owner.PID, e)
		r.processes.Store(int64(r.cache.len()))
	}
	if owner.Inherited && r.shares(e) {
		r.uncertain.Add(1)
		return &r.unknown
	}
	return e.process
}

// shares says whether connections that the process of e did not accept itself, as far as was seen, may be a child's.
func (r *Resolver) shares(e *entry) bool {
	if e.process.Begun == 0 {
		return true
	}
	if now := r.settings.Now(); e.asked == 0 || now >= e.asked+recheck {
		e.forks, e.asked = r.files.forks(e.pid), now
	}
	return e.forks
}

// holds says whether what is remembered answers for owner: nobody else can have had the id when the socket was made.
// It is asked for every exchange; the common answer, for a socket that is older than the last look, costs no clock.
func (r *Resolver) holds(e *entry, owner protocol.Owner) bool {
	if e.process.Begun == 0 {
		return r.stillEnded(e, owner)
	}
	if !r.madeBy(e.process.Begun, owner) {
		return false
	}
	if owner.Created <= max(uint64(e.checked), e.vouched) {
		return true
	}
	now := r.settings.Now()
	if now < e.checked+recheck {
		e.vouched = owner.Created
		return true
	}
	if e.comm != owner.Comm {
		return false // another thread, or another program since: execve keeps the id and the time
	}
	begun, err := r.files.begun(owner.PID)
	if err != nil || begun != e.process.Begun {
		return false
	}
	e.checked = now
	return true
}

// stillEnded says whether it is too early to look again for a process that had ended. Under another task name, or in
// another cgroup, another process has had the id in between, of which as little is left.
func (r *Resolver) stillEnded(e *entry, owner protocol.Owner) bool {
	if r.settings.Now() >= e.checked+missTime {
		return false
	}
	if e.comm != owner.Comm || e.cgroup != owner.CgroupID {
		e.cgroup = owner.CgroupID
		e.process, e.comm = ended(owner.PID, owner.Comm, r.placeOfCgroup(owner.CgroupID)), owner.Comm
		r.ended.Add(1)
	}
	return true
}

// look reads the process from /proc.
func (r *Resolver) look(owner protocol.Owner) *entry {
	// The clock is read first: who is found afterwards was there then.
	e := &entry{comm: owner.Comm, cgroup: owner.CgroupID, checked: r.settings.Now()}
	process, err := r.files.read(owner.PID)
	switch {
	case errors.Is(err, fs.ErrPermission):
		r.denied.Add(1)
	case err != nil || !r.madeBy(process.Begun, owner):
		r.ended.Add(1)
		process = nil
	}
	if process == nil || !r.madeBy(process.Begun, owner) {
		process = ended(owner.PID, owner.Comm, r.placeOfCgroup(owner.CgroupID))
	}
	e.process = process
	return e
}

// madeBy says whether a process that began then can have made the socket. The host's sleep counts in when a process
// begins and not in when a socket was made; taken as what it is now, it makes no process look younger than it is.
func (r *Resolver) madeBy(begun uint64, owner protocol.Owner) bool {
	return owner.Created == 0 || begun <= owner.Created || begun <= owner.Created+uint64(r.settings.Suspended())
}

// placeOfCgroup returns where the sockets of a cgroup v2 are. A cgroup that is gone is known if it was asked for before.
func (r *Resolver) placeOfCgroup(id uint64) place {
	if where, known := r.places[id]; known {
		return where
	}
	if id == 0 || r.settings.CgroupPath == nil {
		return place{}
	}
	where := placeOfPath(r.settings.CgroupPath(id))
	if len(r.places) >= maxPlaces {
		clear(r.places)
	}
	r.places[id] = where
	return where
}
