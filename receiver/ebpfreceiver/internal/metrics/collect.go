// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/resource"
)

// collection is the work of one [Store.Collect].
type collection struct {
	store   *Store
	now     time.Time
	metrics pmetric.Metrics
	points  int
}

// keyOverflow is what OpenTelemetry's SDKs mark the series with that takes what is too much.
const keyOverflow = "otel.metric.overflow"

// add writes the series of an instrument.
func (c *collection) add(i *instrument) {
	for key, s := range i.series {
		if c.expired(s) {
			delete(i.series, key)
			key.service.series--
			c.store.series.Add(-1)
			continue
		}
		c.point(i, key, s)
	}
	for scaled, s := range i.overflow {
		if s == nil {
			continue
		}
		var attributes Attributes
		attributes.True(keyOverflow)
		if scaled == 1 {
			attributes.Scaled()
		}
		c.point(i, seriesKey{c.store.serviceOf(nil), string(attributes.encoded)}, s)
	}
}

// expired notes whether s changed, and says whether it did not for too long.
func (c *collection) expired(s *series) bool {
	if s.dirty {
		s.dirty, s.changed = false, c.now
	}
	idle := c.store.settings.MaxIdle
	return idle > 0 && c.now.Sub(s.changed) >= idle
}

// point writes one series.
func (c *collection) point(i *instrument, key seriesKey, s *series) {
	m := c.metricOf(key.service, i)
	c.points++
	switch {
	case i.bounds == nil:
		p := m.Sum().DataPoints().AppendEmpty()
		p.SetStartTimestamp(timestamp(s.start))
		p.SetTimestamp(timestamp(c.now))
		p.SetIntValue(s.value)
		put(p.Attributes(), key.attributes)
	case i.bounds.exponential:
		p := m.ExponentialHistogram().DataPoints().AppendEmpty()
		p.SetStartTimestamp(timestamp(s.start))
		p.SetTimestamp(timestamp(c.now))
		i.bounds.exponentially(p, s.buckets, s.value)
		put(p.Attributes(), key.attributes)
	default:
		p := m.Histogram().DataPoints().AppendEmpty()
		p.SetStartTimestamp(timestamp(s.start))
		p.SetTimestamp(timestamp(c.now))
		i.bounds.explicit(p, s.buckets, s.value)
		put(p.Attributes(), key.attributes)
	}
}

// metricOf returns the metric of an instrument under the resource of a service.
func (c *collection) metricOf(to *service, i *instrument) pmetric.Metric {
	if to.round == 0 {
		to.round, to.current = 1, nil
		added := c.metrics.ResourceMetrics().AppendEmpty()
		added.SetSchemaUrl(resource.SchemaURL)
		resource.Service(added.Resource().Attributes(), c.store.settings.HostName, &to.process)
		scope := added.ScopeMetrics().AppendEmpty()
		scope.SetSchemaUrl(resource.SchemaURL)
		scope.Scope().SetName(c.store.settings.ScopeName)
		scope.Scope().SetVersion(c.store.settings.ScopeVersion)
		to.metrics = scope.Metrics()
	}
	if to.current != i {
		to.current, to.metric = i, to.metrics.AppendEmpty()
		i.newMetric(to.metric)
	}
	return to.metric
}
