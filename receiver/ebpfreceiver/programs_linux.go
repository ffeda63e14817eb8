// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/bpfobj"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/tcpstats"
)

// programSettings returns the part of a valid c that the BPF programs carry out, for what next needs.
func (c *Config) programSettings(next consumers) bpfobj.Settings {
	settings := bpfobj.Settings{
		Exchanges:      next.traces != nil || next.logs != nil && c.Causes,
		HTTP2:          c.Streams.HTTP2 && (next.traces != nil || next.metrics != nil || next.logs != nil && c.Causes),
		TLS:            c.Streams.TLS && (next.logs != nil || next.metrics != nil),
		RingBufferSize: c.RingBufferSize,
		WakeupSize:     c.WakeupSize,
		TellProcesses:  true,
		DetectMessages: c.DetectMessages,
		IncludePorts:   portNumbers(c.Filter.Ports.Include),
		ExcludePorts:   portNumbers(c.Filter.Ports.Exclude),
		IncludePeers:   c.Filter.CIDRs.Include,
		ExcludePeers:   c.Filter.CIDRs.Exclude,
		TCPBounds:      tcpstats.Bounds(),
		Causes:         c.Causes && (next.traces != nil || next.logs != nil),
		TCPLogs:        next.logs != nil && (c.TCP.Logs || c.Causes),
		Rests:          c.RestConnections,
		Idle:           c.IdleAfter > 0,
	}
	if next.metrics != nil {
		settings.TCPRows = c.TCP.MaxRows
		settings.Limits, settings.MaxSeries = c.Metrics.bounds().Limits(), c.Metrics.MaxSeries
	}
	return settings
}

// portNumbers converts ports that [PortFilter.Validate] has seen.
func portNumbers(ports []int) []uint16 {
	numbers := make([]uint16, len(ports))
	for i, port := range ports {
		numbers[i] = uint16(port)
	}
	return numbers
}
