// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskcrs

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-risk/otelcol-risk/extension/riskcrs/internal/metadata"
)

// outcome is how a request was looked at.
type outcome uint8

const (
	clean outcome = iota
	flagged
	gaveUp
	failed
	outcomes
)

func (o outcome) String() string { return [outcomes]string{"clean", "flagged", "gave_up", "failed"}[o] }

// categories are the thousands of rule ids.
var categories = map[int]string{
	911: "method", 913: "scanner", 920: "protocol", 921: "protocol", 930: "local_files", 931: "remote_files", 932: "commands", 933: "php",
	934: "generic", 941: "scripts", 942: "sql", 943: "session_fixation", 944: "java",
}

// telemetry is the extension's own. Its methods may be called from many goroutines at once.
type telemetry struct {
	builder    *metadata.TelemetryBuilder
	reasons    [refusals]metric.AddOption
	outcomes   [outcomes]metric.AddOption
	categories map[int]metric.AddOption
}

func newTelemetry(set component.TelemetrySettings) (*telemetry, error) {
	builder, err := metadata.NewTelemetryBuilder(set)
	if err != nil {
		return nil, fmt.Errorf("make telemetry: %w", err)
	}
	t := &telemetry{builder: builder, categories: map[int]metric.AddOption{}}
	for r := range refusals {
		t.reasons[r] = with("reason", r.String())
	}
	for o := range outcomes {
		t.outcomes[o] = with("outcome", o.String())
	}
	for thousand, name := range categories {
		t.categories[thousand] = with("category", name)
	}
	return t, nil
}

// with makes the option once, so that adding does not allocate.
func with(key, value string) metric.AddOption {
	return metric.WithAttributeSet(attribute.NewSet(attribute.String(key, value)))
}

// observe reports, whenever metrics are collected, what waits.
func (t *telemetry) observe(size func() (requests, bytes int)) error {
	err := t.builder.RegisterExtensionRiskcrsQueueRequestsCallback(func(_ context.Context, o metric.Int64Observer) error {
		requests, _ := size()
		o.Observe(int64(requests))
		return nil
	})
	if err == nil {
		err = t.builder.RegisterExtensionRiskcrsQueueBytesCallback(func(_ context.Context, o metric.Int64Observer) error {
			_, bytes := size()
			o.Observe(int64(bytes))
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("make telemetry: %w", err)
	}
	return nil
}

func (t *telemetry) dropped(ctx context.Context, why refusal, requests int) {
	if requests > 0 {
		t.builder.ExtensionRiskcrsDropped.Add(ctx, int64(requests), t.reasons[why])
	}
}

func (t *telemetry) inspected(ctx context.Context, how outcome, took time.Duration, rules []int) {
	t.builder.ExtensionRiskcrsInspected.Add(ctx, 1, t.outcomes[how])
	t.builder.ExtensionRiskcrsDuration.Record(ctx, took.Seconds())
	for _, id := range rules {
		if category, known := t.categories[id/1000]; known {
			t.builder.ExtensionRiskcrsMatches.Add(ctx, 1, category)
		}
	}
}

func (t *telemetry) shutdown() { t.builder.Shutdown() }
