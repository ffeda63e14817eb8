// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package ebpfreceiver

import (
	"context"
	"fmt"
	"runtime"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
)

// unsupported stands in for the receiver where there is no eBPF, so that one Collector build and one configuration
// check serve all systems.
type unsupported struct{}

// newReceiver returns a receiver that cannot start.
func newReceiver(receiver.Settings, *Config, consumer.Traces) (receiver.Traces, error) {
	return unsupported{}, nil
}

// Start answers with an error: there is nothing to attach to.
func (unsupported) Start(context.Context, component.Host) error {
	return fmt.Errorf("start receiver ebpf: it needs linux 5.10 or newer, this is %s/%s", runtime.GOOS, runtime.GOARCH)
}

// Shutdown has nothing to undo.
func (unsupported) Shutdown(context.Context) error { return nil }
