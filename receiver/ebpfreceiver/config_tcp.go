// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import "fmt"

// TCPConfig says what is told of TCP connections, whatever they carry. It matters only in metrics and logs pipelines.
type TCPConfig struct {
	// MaxRows is how many combinations of process, role, server port and IP version the kernel counts apart. What comes in
	// addition is counted in series with the attribute otel.metric.overflow. A row takes about 1 KiB a processor, when
	// used. Zero makes no metrics of TCP, and costs nothing.
	MaxRows int `mapstructure:"max_rows"`

	// Logs says whether connections that fail, time out or are reset become log records.
	Logs bool `mapstructure:"logs"`

	_ struct{}
}

// Validate reports every fault of t at once.
func (t *TCPConfig) Validate() error {
	if t.MaxRows < 0 || t.MaxRows > maxSeries {
		return fmt.Errorf("`max_rows` must be between 0 and %d, found %d", maxSeries, t.MaxRows)
	}
	return nil
}
