// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/fleet"
	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/metadata"
)

// telemetry is the extension's own. Its methods may be called from many goroutines at once.
type telemetry struct {
	builder                             *metadata.TelemetryBuilder
	rare, unreachable, full             metric.MeasurementOption
	expired, forgotten, unknownAtTheEnd metric.MeasurementOption
}

func newTelemetry(set component.TelemetrySettings) (*telemetry, error) {
	builder, err := metadata.NewTelemetryBuilder(set)
	if err != nil {
		return nil, fmt.Errorf("make telemetry: %w", err)
	}
	return &telemetry{
		builder:         builder,
		rare:            with("reason", "rare"),
		unreachable:     with("reason", "unreachable"),
		full:            with("reason", "full"),
		expired:         with("reason", "expired"),
		forgotten:       with("reason", "forgotten"),
		unknownAtTheEnd: with("reason", "shutdown"),
	}, nil
}

// with makes the option once, so that adding does not allocate.
func with(keysAndValues ...string) metric.MeasurementOption {
	attributes := make([]attribute.KeyValue, 0, len(keysAndValues)/2)
	for i := 0; i < len(keysAndValues); i += 2 {
		attributes = append(attributes, attribute.String(keysAndValues[i], keysAndValues[i+1]))
	}
	return metric.WithAttributeSet(attribute.NewSet(attributes...))
}

// observeFleet reports, whenever metrics are collected, whether scores are degraded and how many collectors there are.
func (t *telemetry) observeFleet(degraded func() bool, members func() int) error {
	err := t.builder.RegisterExtensionRiskstateFleetDegradedCallback(func(_ context.Context, o metric.Int64Observer) error {
		if degraded() {
			o.Observe(1)
		} else {
			o.Observe(0)
		}
		return nil
	})
	if err == nil {
		err = t.builder.RegisterExtensionRiskstateFleetMembersCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(int64(members()))
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("make telemetry: %w", err)
	}
	return nil
}

// flushed adds what one flush did.
func (t *telemetry) flushed(ctx context.Context, f *fleet.Flush) {
	b := t.builder
	b.ExtensionRiskstateFleetFlushDuration.Record(ctx, f.Took.Seconds())
	add(ctx, b.ExtensionRiskstateFleetKeysConfirmed, f.Confirmed)
	add(ctx, b.ExtensionRiskstateFleetFailures, f.Failed)
	add(ctx, b.ExtensionRiskstateFleetDeltasDeferred, f.Rare, t.rare)
	add(ctx, b.ExtensionRiskstateFleetDeltasDeferred, f.Unreachable, t.unreachable)
	add(ctx, b.ExtensionRiskstateFleetDeltasDeferred, f.Full, t.full)
	add(ctx, b.ExtensionRiskstateFleetLost, f.Expired, t.expired)
	add(ctx, b.ExtensionRiskstateFleetLost, f.Forgotten, t.forgotten)
}

func (t *telemetry) unknown(ctx context.Context, keys int64) {
	add(ctx, t.builder.ExtensionRiskstateFleetLost, keys, t.unknownAtTheEnd)
}

func add(ctx context.Context, counter metric.Int64Counter, n int64, options ...metric.MeasurementOption) {
	if n == 0 {
		return
	}
	converted := make([]metric.AddOption, 0, len(options))
	for _, option := range options {
		converted = append(converted, option)
	}
	counter.Add(ctx, n, converted...)
}

func (t *telemetry) snapshot(ctx context.Context, name, outcome string) {
	t.builder.ExtensionRiskstateSnapshots.Add(ctx, 1, with("state", name, "outcome", outcome))
}

func (t *telemetry) snapshotSize(ctx context.Context, name string, bytes int64) {
	t.builder.ExtensionRiskstateSnapshotSize.Record(ctx, bytes, with("state", name))
}

// transportTelemetry counts questions that come one way. Nothing is allocated for one.
type transportTelemetry struct {
	builder  *metadata.TelemetryBuilder
	duration []metric.RecordOption
	outcomes [outcomes][]metric.AddOption
}

func (t *telemetry) transport(name string) *transportTelemetry {
	tt := &transportTelemetry{builder: t.builder, duration: []metric.RecordOption{with("transport", name)}}
	for o := range outcomes {
		tt.outcomes[o] = []metric.AddOption{with("transport", name, "outcome", o.String())}
	}
	return tt
}

func (t *transportTelemetry) done(ctx context.Context, took time.Duration, o outcome) {
	t.builder.ExtensionRiskstateScoreDuration.Record(ctx, took.Seconds(), t.duration...)
	t.builder.ExtensionRiskstateScoreRequests.Add(ctx, 1, t.outcomes[o]...)
}

func (t *telemetry) shutdown() { t.builder.Shutdown() }
