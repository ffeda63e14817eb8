// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
)

// instrument is a metric with its series.
type instrument struct {
	store                   *Store
	name, description, unit string
	bounds                  *Bounds // of a histogram; nil: a monotonic sum
	series                  map[seriesKey]*series
	overflow                [2]*series // exact, and scaled
}

// seriesKey is what series of an instrument differ in.
type seriesKey struct {
	service    *service
	attributes string // encoded
}

// series is the numbers since start.
type series struct {
	start, changed time.Time // changed as of a collection
	value          int64     // of a sum; of a histogram, the sum of durations in ns
	buckets        []int64
	dirty          bool // changed since the last collection
}

// Histogram is an instrument that counts durations by their length. Its unit is the second.
type Histogram struct{ instrument *instrument }

// Counter is an instrument that only ever grows.
type Counter struct{ instrument *instrument }

// Histogram adds a histogram; its name must be new.
func (s *Store) Histogram(name, description string, bounds *Bounds) *Histogram {
	return &Histogram{s.add(&instrument{name: name, description: description, unit: "s", bounds: bounds})}
}

// Counter adds a counter; its name must be new.
func (s *Store) Counter(name, description, unit string) *Counter {
	return &Counter{s.add(&instrument{name: name, description: description, unit: unit})}
}

func (s *Store) add(i *instrument) *instrument {
	i.store, i.series = s, make(map[seriesKey]*series)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instruments = append(s.instruments, i)
	return i
}

// Add adds n to the series of p, which is not changed afterwards, with these attributes. A nil p is the host's.
func (c *Counter) Add(p *procinfo.Process, attributes *Attributes, n int64) {
	c.instrument.store.mu.Lock()
	defer c.instrument.store.mu.Unlock()
	c.instrument.of(p, attributes).value += n
}

// Record counts one duration. A nil p is the host's.
func (h *Histogram) Record(p *procinfo.Process, attributes *Attributes, d time.Duration) {
	h.record(p, attributes, d, 1)
}

// RecordScaled counts a duration that was seen on one of 2^scale connections as often as it stands for, and marks it so.
func (h *Histogram) RecordScaled(p *procinfo.Process, attributes *Attributes, d time.Duration, scale uint8) {
	if scale > 0 {
		attributes.Scaled()
	}
	h.record(p, attributes, d, 1<<scale)
}

func (h *Histogram) record(p *procinfo.Process, attributes *Attributes, d time.Duration, n int64) {
	h.instrument.store.mu.Lock()
	defer h.instrument.store.mu.Unlock()
	to := h.instrument.of(p, attributes)
	to.value += n * int64(max(0, d))
	to.buckets[h.instrument.bounds.bucket(d)] += n
}

// Bounds are the histogram's buckets.
func (h *Histogram) Bounds() *Bounds { return h.instrument.bounds }

// Add adds what was counted elsewhere by the same bounds: to every bucket its count, to the sum so many ns. Numbers may be
// negative, for a duration that turned out to be longer than it was counted as.
func (h *Histogram) Add(p *procinfo.Process, attributes *Attributes, counts []int64, sum int64) {
	h.instrument.store.mu.Lock()
	defer h.instrument.store.mu.Unlock()
	to := h.instrument.of(p, attributes)
	to.value += sum
	for i, n := range counts[:min(len(counts), len(to.buckets))] {
		to.buckets[i] += n
	}
}

// Overflow is Add for what was too much to be told apart already where it was counted.
func (h *Histogram) Overflow(scaled bool, counts []int64, sum int64) {
	h.instrument.store.mu.Lock()
	defer h.instrument.store.mu.Unlock()
	to := h.instrument.tooMuch(scaled)
	to.value += sum
	for i, n := range counts[:min(len(counts), len(to.buckets))] {
		to.buckets[i] += n
		h.instrument.store.overflowed.Add(n)
	}
}

// of returns the series to change.
func (i *instrument) of(p *procinfo.Process, attributes *Attributes) *series {
	service := i.store.serviceOf(p)
	if found := i.series[seriesKey{service, string(attributes.encoded)}]; found != nil {
		found.dirty = true
		return found
	}
	if len(i.series) >= i.store.settings.MaxSeries-1 {
		i.store.overflowed.Add(1)
		return i.tooMuch(attributes.scaled)
	}
	added := i.newSeries()
	i.series[seriesKey{service, string(attributes.encoded)}] = added
	service.series++
	return added
}

// tooMuch returns the series for what exceeds the bound.
func (i *instrument) tooMuch(scaled bool) *series {
	place := &i.overflow[0]
	if scaled {
		place = &i.overflow[1]
	}
	if *place == nil {
		*place = i.newSeries()
	}
	(*place).dirty = true
	return *place
}

// newSeries returns a series that began when there was none yet, at the last collection.
func (i *instrument) newSeries() *series {
	added := &series{start: i.store.collected, changed: i.store.collected, dirty: true}
	if i.bounds != nil {
		added.buckets = make([]int64, len(i.bounds.limits)+1)
	}
	i.store.series.Add(1)
	return added
}

// newMetric makes m a metric of this instrument.
func (i *instrument) newMetric(m pmetric.Metric) {
	m.SetName(i.name)
	m.SetDescription(i.description)
	m.SetUnit(i.unit)
	if i.bounds != nil {
		i.bounds.newMetric(m)
		return
	}
	sum := m.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
}
