// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"fmt"

	contrib "github.com/open-telemetry/opentelemetry-collector-contrib/exporter/kafkaexporter"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	ours "github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter"
)

// target is a started exporter with the payloads to feed it.
type target struct {
	exporter component.Component
	// send sends payload number i, counted modulo the number of payloads, and returns once it is acknowledged.
	send func(ctx context.Context, i int) error
	// sizes are the sizes of the payloads as OTLP protobuf, in bytes.
	sizes []int64
}

// newTarget makes payloads and starts the exporter.
func newTarget(ctx context.Context, s Spec) (*target, error) {
	factory := contrib.NewFactory()
	if s.Exporter == Ours {
		factory = ours.NewFactory()
	}
	config := factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(s.settings()).Unmarshal(config); err != nil {
		return nil, fmt.Errorf("configure %s exporter: %w", s.Exporter, err)
	}
	if err := confmap.Validate(config); err != nil {
		return nil, fmt.Errorf("configure %s exporter: %w", s.Exporter, err)
	}
	build := logsTarget
	if s.Signal == Traces {
		build = tracesTarget
	}
	t, err := build(ctx, factory, exportertest.NewNopSettings(factory.Type()), config, s.shape())
	if err != nil {
		return nil, fmt.Errorf("create %s exporter: %w", s.Exporter, err)
	}
	if err := t.exporter.Start(ctx, componenttest.NewNopHost()); err != nil {
		return nil, fmt.Errorf("start %s exporter: %w", s.Exporter, err)
	}
	return t, nil
}

func logsTarget(ctx context.Context, factory exporter.Factory, set exporter.Settings, cfg component.Config, size shape) (*target, error) {
	created, err := factory.CreateLogs(ctx, set, cfg)
	if err != nil {
		return nil, err
	}
	var payloads []plog.Logs
	t := &target{exporter: created}
	sizer := &plog.ProtoMarshaler{}
	for variant := range variants {
		payload := makeLogs(variant, size)
		payload.MarkReadOnly() // it is shared by all callers, as by the branches of a pipeline
		payloads = append(payloads, payload)
		t.sizes = append(t.sizes, int64(sizer.LogsSize(payload)))
	}
	t.send = func(ctx context.Context, i int) error { return created.ConsumeLogs(ctx, payloads[i%variants]) }
	return t, nil
}

func tracesTarget(ctx context.Context, factory exporter.Factory, set exporter.Settings, cfg component.Config, size shape) (*target, error) {
	created, err := factory.CreateTraces(ctx, set, cfg)
	if err != nil {
		return nil, err
	}
	var payloads []ptrace.Traces
	t := &target{exporter: created}
	sizer := &ptrace.ProtoMarshaler{}
	for variant := range variants {
		payload := makeTraces(variant, size)
		payload.MarkReadOnly()
		payloads = append(payloads, payload)
		t.sizes = append(t.sizes, int64(sizer.TracesSize(payload)))
	}
	t.send = func(ctx context.Context, i int) error { return created.ConsumeTraces(ctx, payloads[i%variants]) }
	return t, nil
}
