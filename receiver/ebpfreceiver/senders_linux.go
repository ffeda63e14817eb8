// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadata"
)

// send starts a goroutine for each signal that has a consumer. They end when the flow has drained.
func (r *ebpfReceiver) send(ctx context.Context) {
	if r.next.traces != nil {
		r.running.Go(func() { r.sendTraces(ctx) })
	}
	if r.next.metrics != nil {
		r.running.Go(func() { r.sendMetrics(ctx) })
	}
	if r.next.logs != nil {
		r.running.Go(func() { r.flow.sinks.logs.Run(ctx, r.sendLogs) })
	}
}

// sendTraces passes batches on until there are no more.
func (r *ebpfReceiver) sendTraces(ctx context.Context) {
	for batch := range r.flow.batches {
		n := batch.SpanCount()
		reported := r.report.StartTracesOp(ctx)
		err := r.next.traces.ConsumeTraces(reported, batch)
		r.report.EndTracesOp(reported, metadata.Type.String(), n, err)
		r.refused("spans", n, err)
	}
}

// sendMetrics collects and passes on once an interval, and once more at the end.
func (r *ebpfReceiver) sendMetrics(ctx context.Context) {
	due, read := time.NewTicker(r.cfg.Metrics.CollectionInterval), time.NewTicker(min(drainInterval, r.cfg.Metrics.CollectionInterval))
	defer due.Stop()
	defer read.Stop()
	for open := true; open; {
		select {
		case <-read.C:
			r.drainSources()
			continue
		case <-due.C:
		case <-r.flow.drained:
			open = false
		}
		r.drainSources()
		r.collect(ctx)
	}
}

// drainInterval is how often what the kernel counted is read: the process behind it may end soon.
const drainInterval = time.Second

// drainSources brings what was counted elsewhere into the store. A source that cannot be read is asked again the next time.
func (r *ebpfReceiver) drainSources() {
	var faults []error
	for _, source := range r.flow.sinks.sources {
		faults = append(faults, source.Drain())
	}
	if err := errors.Join(faults...); err != nil {
		r.settings.Logger.Error("read what the kernel counted", zap.Error(err))
	}
}

// collect passes on all series as they are now.
func (r *ebpfReceiver) collect(ctx context.Context) {
	all, n := r.flow.sinks.store.Collect(time.Now())
	if n == 0 {
		return
	}
	reported := r.report.StartMetricsOp(ctx)
	err := r.next.metrics.ConsumeMetrics(reported, all)
	r.report.EndMetricsOp(reported, metadata.Type.String(), n, err)
	r.refused("data points", n, err)
}

// sendLogs passes on a batch of n records.
func (r *ebpfReceiver) sendLogs(ctx context.Context, batch plog.Logs, n int) {
	reported := r.report.StartLogsOp(ctx)
	err := r.next.logs.ConsumeLogs(reported, batch)
	r.report.EndLogsOp(reported, metadata.Type.String(), n, err)
	r.refused("log records", n, err)
}

// refused notes what the next consumer did not take; how much that is, the report counts.
func (r *ebpfReceiver) refused(what string, n int, err error) {
	if err != nil {
		r.settings.Logger.Debug("next consumer refused "+what, zap.Int("count", n), zap.Error(err))
	}
}
