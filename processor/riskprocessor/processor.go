// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

type riskProcessor struct{}

func newProcessor(*Config, component.TelemetrySettings) (*riskProcessor, error) {
	return &riskProcessor{}, nil
}

func (*riskProcessor) processTraces(_ context.Context, td ptrace.Traces) (ptrace.Traces, error) {
	return td, nil
}

func (*riskProcessor) shutdown(context.Context) error { return nil }
