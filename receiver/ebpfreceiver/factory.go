// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"go.opentelemetry.io/collector/receiver"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadata"
)

// NewFactory returns the factory of the receiver of type `ebpf`. Nothing is loaded into the kernel before Start.
func NewFactory() receiver.Factory {
	e := &engines{byConfig: make(map[*Config]*ebpfReceiver)}
	return receiver.NewFactory(
		metadata.Type,
		createDefaultConfig,
		receiver.WithTraces(e.createTraces, metadata.TracesStability),
		receiver.WithMetrics(e.createMetrics, metadata.MetricsStability),
		receiver.WithLogs(e.createLogs, metadata.LogsStability),
	)
}
