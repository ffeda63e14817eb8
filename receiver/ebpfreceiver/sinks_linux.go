// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"time"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/logs"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metrics"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/spans"
)

// origin is what everything that a receiver says has in common.
type origin struct{ host, scope, version string }

// sinks is where what was seen is turned into signals; nil for a signal that nobody consumes.
//
// To measure something new: make its instruments from store and bounds in newSinks, and record to them; or, if the kernel
// counts it, add a [metrics.Source] to sources. To log something: logs.Add.
type sinks struct {
	spans   *spans.Builder
	store   *metrics.Store
	http    *metrics.HTTP
	sources []metrics.Source
	logs    *logs.Batcher
}

// newSinks makes what next needs.
func newSinks(cfg *Config, next consumers, about origin) *sinks {
	s := &sinks{}
	if next.traces != nil {
		s.spans = spans.New(spans.Settings{
			HostName: about.host, ScopeName: about.scope, ScopeVersion: about.version, Privacy: cfg.Privacy.ofSpans(),
		})
	}
	if next.metrics != nil {
		s.store = metrics.New(metrics.Settings{
			HostName: about.host, ScopeName: about.scope, ScopeVersion: about.version,
			MaxSeries: cfg.Metrics.MaxSeries, MaxIdle: cfg.Metrics.MaxIdle, Start: time.Now(),
		})
		s.http = metrics.NewHTTP(s.store, cfg.Metrics.bounds())
	}
	if next.logs != nil {
		s.logs = logs.New(logs.Settings{
			HostName: about.host, ScopeName: about.scope, ScopeVersion: about.version,
			MaxDelay: cfg.Logs.MaxDelay, MaxPending: cfg.Logs.MaxPending,
		})
	}
	return s
}
