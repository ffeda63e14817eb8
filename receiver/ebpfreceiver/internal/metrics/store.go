// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
)

// Settings are what all series of a [Store] have in common.
type Settings struct {
	// HostName is the resource attribute host.name.
	HostName string
	// ScopeName and ScopeVersion name the instrumentation scope.
	ScopeName, ScopeVersion string
	// MaxSeries is how many series an instrument may have, the one for what is too much included: at least 2.
	MaxSeries int
	// MaxIdle is after how long without a change a series is forgotten; 0: never.
	MaxIdle time.Duration
	// Start is when the store was made.
	Start time.Time
}

// Source brings into the store's instruments what happened since it was last asked.
type Source interface {
	Drain() error
}

// Store holds all series. See the package comment.
type Store struct {
	settings    Settings
	mu          sync.Mutex
	instruments []*instrument
	services    map[procinfo.Process]*service
	known       map[*procinfo.Process]*service // since the last collection
	collected   time.Time

	series     atomic.Int64
	overflowed atomic.Int64
}

// service is what a resource is made for.
type service struct {
	process procinfo.Process // without what differs between processes of one service
	series  int

	// Of one collection.
	metrics pmetric.MetricSlice
	round   int
	current *instrument
	metric  pmetric.Metric
}

// New returns an empty store.
func New(settings Settings) *Store {
	settings.MaxSeries = max(2, settings.MaxSeries)
	return &Store{
		settings: settings, collected: settings.Start,
		services: make(map[procinfo.Process]*service), known: make(map[*procinfo.Process]*service),
	}
}

// Series is the number of series held.
func (s *Store) Series() int64 { return s.series.Load() }

// Overflowed counts measurements that went to the series for what is too much.
func (s *Store) Overflowed() int64 { return s.overflowed.Load() }

// serviceOf returns the service of p, which may be nil: none.
func (s *Store) serviceOf(p *procinfo.Process) *service {
	if found := s.known[p]; found != nil {
		return found
	}
	var key procinfo.Process
	if p != nil {
		key = *p
		key.PID, key.Begun = 0, 0
		if key.Executable != "" {
			key.Executable = key.Name // whether it is known is all that matters
		}
	}
	found := s.services[key]
	if found == nil {
		found = &service{process: key}
		s.services[key] = found
	}
	s.known[p] = found
	return found
}

// Collect returns all series as of now, and the number of their points. It forgets those that did not change for long.
func (s *Store) Collect(now time.Time) (pmetric.Metrics, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := collection{store: s, now: now, metrics: pmetric.NewMetrics()}
	for _, instrument := range s.instruments {
		c.add(instrument)
	}
	for key, service := range s.services {
		service.round = 0
		if service.series == 0 {
			delete(s.services, key)
		}
	}
	clear(s.known)
	s.collected = now
	return c.metrics, c.points
}

// timestamp returns t for a data point.
func timestamp(t time.Time) pcommon.Timestamp { return pcommon.NewTimestampFromTime(t) }
