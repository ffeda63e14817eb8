// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/feature"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/learn"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/window"
)

// traceMemory is how long a risky trace is remembered after its last risky record.
const traceMemory = time.Minute

// instances are the processors of this factory in use. The Collector makes one for each pipeline and gives those of one
// component the same configuration, by which they find what they share.
type instances struct {
	mu       sync.Mutex // guards the following
	byConfig map[*Config]*instance
	random   func() uint64 // gives seeds
}

func newInstances(random func() uint64) *instances {
	return &instances{byConfig: map[*Config]*instance{}, random: random}
}

// instance is what the pipelines of one processor share.
type instance struct {
	users  int // guarded by instances.mu
	store  *feature.Store
	traces *traces      // nil when none are remembered
	model  *learn.Model // nil when nothing is learned
	found  *findings    // nil when nothing is asked about
	scorer bool         // one of them answers the scoring API; guarded by instances.mu
}

// join returns what the processors with this configuration share; store makes the store if there is none.
func (i *instances) join(cfg *Config, store func(random func() uint64) (*feature.Store, error)) (*instance, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	shared, ok := i.byConfig[cfg]
	if !ok {
		s, err := store(i.random)
		if err != nil {
			return nil, err
		}
		shared = &instance{store: s}
		if n := cfg.Sampling.RememberTraces; n > 0 {
			shared.traces = newTraces(n, i.random)
		}
		if n := cfg.CRS.RememberEntities; n > 0 && cfg.CRS.Extension != nil {
			if shared.found, err = newFindings(n); err != nil {
				return nil, err
			}
		}
		i.byConfig[cfg] = shared
	}
	shared.users++
	return shared, nil
}

// leave is called once for each join.
func (i *instances) leave(cfg *Config) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if shared := i.byConfig[cfg]; shared != nil {
		if shared.users--; shared.users == 0 {
			delete(i.byConfig, cfg)
		}
	}
}

// claimScorer returns true for the first that asks, until it gives the claim back.
func (i *instances) claimScorer(shared *instance) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	claimed := !shared.scorer
	shared.scorer = true
	return claimed
}

func (i *instances) yieldScorer(shared *instance) {
	i.mu.Lock()
	defer i.mu.Unlock()
	shared.scorer = false
}

// traces remembers traces for a minute: those that were risky, those that were decided.
type traces struct {
	table  window.Age
	period window.Period
	seed   uint64
	until  atomic.Uint32 // second in which the last one is forgotten: before the first risky trace a look costs nothing
}

func newTraces(n int, random func() uint64) *traces {
	return &traces{table: window.NewAge(n, random()), period: window.Sliding(traceMemory), seed: random()}
}

// add notes a trace, and says whether another one was forgotten for it before its time.
func (t *traces) add(id pcommon.TraceID, now time.Duration) (forgot bool) {
	outcome := t.table.Note(t.key(id), t.period.At(now))
	until := uint32((now + traceMemory) / time.Second)
	for before := t.until.Load(); before < until && !t.until.CompareAndSwap(before, until); {
		before = t.until.Load()
	}
	return outcome == window.Evicted
}

// has says whether the trace was noted lately: before now, or since by somebody who came later.
func (t *traces) has(id pcommon.TraceID, now time.Duration) bool {
	second := uint32(now / time.Second)
	if t.until.Load() <= second {
		return false
	}
	last := t.table.Touch(t.key(id)) // takes no lock: the answer is the same a moment earlier or later
	return last != 0 && int32(second-last) < int32(traceMemory/time.Second)
}

// key spreads ids over the whole table, those that are numbers in sequence, too.
func (t *traces) key(id pcommon.TraceID) uint64 {
	high, low := binary.LittleEndian.Uint64(id[:8]), binary.LittleEndian.Uint64(id[8:])
	x := (high ^ t.seed) * 0x9e3779b97f4a7c15
	x = (x ^ x>>29 ^ low) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>32) * 0x94d049bb133111eb
	return x ^ x>>31
}
