// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"go.uber.org/goleak"

	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// feature is what the tests count.
const feature = 0xfeed

// cell is one key of a counter.
type cell struct {
	pending, local   int64
	elements         []int64 // not yet taken
	seen             map[int64]bool
	published        bool
	inFlight         bool // taken, not yet merged; of a key only one batch can be
	total, previous  int64
	merges, rejected int
}

// counter is a small value, as a processor would have one: sums (or elements) per key, in one step.
type counter struct {
	kind   uint8
	step   int64
	expiry time.Duration
	mu     sync.Mutex // guards the following
	cells  map[uint64]*cell
}

func newCounter(kind uint8) *counter {
	return &counter{kind: kind, step: 1000, expiry: time.Hour, cells: map[uint64]*cell{}}
}

func (c *counter) cell(key uint64) *cell {
	if c.cells[key] == nil {
		c.cells[key] = &cell{seen: map[int64]bool{}}
	}
	return c.cells[key]
}

// add counts events, or the elements 0 to n-1 shifted by offset.
func (c *counter) add(key uint64, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cell := c.cell(key)
	cell.pending, cell.local = cell.pending+n, cell.local+n
}

func (c *counter) see(key uint64, element int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cell := c.cell(key); !cell.seen[element] {
		cell.seen[element] = true
		cell.elements = append(cell.elements, element)
		cell.local++
	}
}

func (c *counter) Deltas(take func(*Delta) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := Delta{Kind: c.kind, Feature: feature, Step: c.step, Expiry: c.expiry}
	for key, cell := range c.cells {
		d.Key, d.First, d.Local = key, !cell.published, cell.local
		offer := func() bool {
			taken := take(&d)
			if taken {
				cell.published, cell.inFlight = true, true
			} else {
				cell.rejected++
			}
			return taken
		}
		if d.Value = cell.pending; c.kind == KindAdd && d.Value != 0 && offer() {
			cell.pending = 0
		}
		kept := cell.elements[:0]
		for _, d.Value = range cell.elements {
			if !offer() {
				kept = append(kept, d.Value)
			}
		}
		cell.elements = kept
	}
}

func (c *counter) Merge(total *Total) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cell := c.cells[total.Key]
	cell.total, cell.inFlight = total.Total, false
	cell.merges++
	if total.Previous >= 0 {
		cell.previous = total.Previous
	}
}

func (c *counter) get(key uint64) cell {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cells[key] == nil {
		return cell{}
	}
	return *c.cells[key]
}

// settled is true when all that was counted has been published and answered.
func (c *counter) settled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cell := range c.cells {
		if cell.pending != 0 || cell.inFlight {
			return false
		}
	}
	return true
}

func (c *counter) eachKey(visit func(key uint64)) {
	c.mu.Lock()
	keys := make([]uint64, 0, len(c.cells))
	for key := range c.cells {
		keys = append(keys, key)
	}
	c.mu.Unlock()
	for _, key := range keys {
		visit(key)
	}
}

// member is a fleet with one value, and what it told.
type member struct {
	*Fleet
	value *counter

	mu      sync.Mutex // guards the following
	sum     Flush
	rounds  int // flushes that have begun
	seeds   []uint64
	members []int
	faults  int
	healed  int
}

// settings wait for as long as a busy machine may need: nothing fails unless a test makes it. See hasty.
func settings(addrs ...string) Settings {
	return Settings{
		Redis: rueidis.ClientOption{
			InitAddress: addrs, ForceSingleClient: len(addrs) == 1, DisableCache: true, DisableRetry: true,
			ConnWriteTimeout: redistest.Patience,
		},
		Prefix: "t", FlushInterval: 5 * time.Millisecond, Heartbeat: 50 * time.Millisecond, Timeout: redistest.Patience,
		PublishMin: 1, MaxKeys: 10_000, BatchKeys: 64, Failures: 3, Wait: 10 * time.Millisecond, MaxWait: 100 * time.Millisecond,
	}
}

// hasty settings give up as soon as those that we ship, so that a server that hangs is noticed. On a busy machine one that
// does not hang can fail, too.
func hasty(addrs ...string) Settings {
	s := settings(addrs...)
	s.Redis.ConnWriteTimeout, s.Timeout = time.Second, 80*time.Millisecond
	return s
}

// join starts a member that ends with the test.
func join(t testing.TB, s Settings, value *counter, seed uint64) *member {
	t.Helper()
	m := &member{value: value}
	m.Fleet = New(s, m.events(), seed)
	m.Start(t.Context())
	t.Cleanup(func() { m.leaveFleet(t) })
	return m
}

func (m *member) events() Events {
	note := func(what func()) {
		m.mu.Lock()
		defer m.mu.Unlock()
		what()
	}
	return Events{
		Values: func() []Value {
			note(func() { m.rounds++ })
			return []Value{m.value}
		},
		Seed:    func(seed uint64) { note(func() { m.seeds = append(m.seeds, seed) }) },
		Members: func(n int) { note(func() { m.members = append(m.members, n) }) },
		Fault: func(err error) {
			note(func() {
				if err != nil {
					m.faults++
				} else {
					m.healed++
				}
			})
		},
		Flushed: func(f Flush) {
			note(func() {
				m.sum.Sent += f.Sent
				m.sum.Confirmed += f.Confirmed
				m.sum.Rare += f.Rare
				m.sum.Full += f.Full
				m.sum.Unreachable += f.Unreachable
				m.sum.Expired += f.Expired
				m.sum.Forgotten += f.Forgotten
				m.sum.Repeated += f.Repeated
				m.sum.Failed += f.Failed
			})
		},
	}
}

// told is what was told up to now.
func (m *member) told() Flush {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sum
}

// toldAll is what was told of everything that the value knows: a flush is told after its totals, and before the next one.
func (m *member) toldAll(t testing.TB) Flush {
	t.Helper()
	rounds := func() int {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.rounds
	}
	before := rounds()
	eventually(t, "the next flush", func() bool { return rounds() > before })
	return m.told()
}

// faultsAndHealings is how often a fault was told, and that all is well again.
func (m *member) faultsAndHealings() (faults, healed int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.faults, m.healed
}

func (m *member) toldSeeds() []uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.seeds)
}

func (m *member) leaveFleet(t testing.TB) int64 {
	if m.Fleet == nil {
		return 0
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), redistest.Patience)
	defer cancel()
	unknown := m.Stop(ctx)
	m.Fleet = nil
	return unknown
}

var eventually = redistest.Eventually
