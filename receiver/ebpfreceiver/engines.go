// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
)

// consumers are who wants what a receiver produces; nil: nobody, and what only it would need is not done.
type consumers struct {
	traces  consumer.Traces
	metrics consumer.Metrics
	logs    consumer.Logs
}

// engines holds the receivers that were made and not yet shut down. The Collector asks for one receiver a signal, with the
// same configuration object for the same component id: they share one receiver, since a second look at every packet would
// cost as much as the first. The Collector makes all receivers before it starts the first, so a receiver knows at its
// start who wants what.
type engines struct {
	mu       sync.Mutex
	byConfig map[*Config]*ebpfReceiver
}

// of returns the receiver for cfg, made now if there is none.
func (e *engines) of(set receiver.Settings, cfg component.Config) (*ebpfReceiver, error) {
	key := cfg.(*Config)
	e.mu.Lock()
	defer e.mu.Unlock()
	if r := e.byConfig[key]; r != nil {
		return r, nil
	}
	r, err := newReceiver(set, key, func() { e.forget(key) })
	if err == nil {
		e.byConfig[key] = r
	}
	return r, err
}

// forget is called when a receiver was shut down: another one with the same configuration is a new one.
func (e *engines) forget(key *Config) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.byConfig, key)
}

func (e *engines) createTraces(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Traces) (receiver.Traces, error) {
	r, err := e.of(set, cfg)
	if err != nil {
		return nil, err
	}
	r.next.traces = next
	return r, nil
}

func (e *engines) createMetrics(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics) (receiver.Metrics, error) {
	r, err := e.of(set, cfg)
	if err != nil {
		return nil, err
	}
	r.next.metrics = next
	return r, nil
}

func (e *engines) createLogs(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
	r, err := e.of(set, cfg)
	if err != nil {
		return nil, err
	}
	r.next.logs = next
	return r, nil
}
