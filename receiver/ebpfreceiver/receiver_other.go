// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package ebpfreceiver

import (
	"context"
	"fmt"
	"runtime"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/receiver"
)

// ebpfReceiver stands in for the receiver where there is no eBPF, so that one Collector build and one configuration
// check serve all systems.
type ebpfReceiver struct {
	next   consumers
	forget func()
}

// newReceiver returns a receiver that cannot start.
func newReceiver(_ receiver.Settings, _ *Config, forget func()) (*ebpfReceiver, error) {
	return &ebpfReceiver{forget: forget}, nil
}

// Start answers with an error: there is nothing to attach to.
func (*ebpfReceiver) Start(context.Context, component.Host) error {
	return fmt.Errorf("start receiver ebpf: it needs linux 5.10 or newer, this is %s/%s", runtime.GOOS, runtime.GOARCH)
}

// Shutdown has nothing to undo.
func (r *ebpfReceiver) Shutdown(context.Context) error {
	r.forget()
	return nil
}
