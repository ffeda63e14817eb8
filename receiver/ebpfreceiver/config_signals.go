// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"errors"
	"fmt"
	"time"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metrics"
)

// MetricsConfig says how metrics are made. It matters only in a metrics pipeline.
type MetricsConfig struct {
	// CollectionInterval is how often all series are passed on. Zero is refused.
	CollectionInterval time.Duration `mapstructure:"collection_interval"`

	// Histogram is the kind of histograms that durations are counted in: "explicit", with the buckets of semantic
	// conventions, or "exponential", with buckets that grow by 9 %. Empty is refused.
	Histogram string `mapstructure:"histogram"`

	// MaxSeries is how many series a metric may have. What would begin one more is counted in a series with the
	// attribute otel.metric.overflow, which counts as one. Less than 2 is refused.
	MaxSeries int `mapstructure:"max_series"`

	// MaxIdle is after how long without a change a series is forgotten; it begins anew when something happens. Zero
	// keeps all.
	MaxIdle time.Duration `mapstructure:"max_idle"`

	_ struct{}
}

// StreamsConfig says how connections are followed whose messages are frames: HTTP/2, and TLS handshakes.
type StreamsConfig struct {
	// HTTP2 says whether HTTP/2 and gRPC are followed.
	HTTP2 bool `mapstructure:"http2"`

	// TLS says whether handshakes are followed. They become metrics and logs, so it matters only in such pipelines.
	TLS bool `mapstructure:"tls"`

	// MaxHeaders is how many bytes of a header block or a handshake message are looked at, and how many bytes of earlier
	// header fields are remembered for each direction of a connection. Less than 4096 is refused.
	MaxHeaders int `mapstructure:"max_headers"`

	// MaxMemory is how many bytes all of them may take together, about. What was learned on the connections that have
	// been quiet for the longest time is forgotten first, and counted. Less than 1 MiB is refused.
	MaxMemory int `mapstructure:"max_memory"`

	_ struct{}
}

const (
	// leastHeaders is the size of the dynamic table of RFC 7541 that needs no agreement.
	leastHeaders = 4096
	// mostHeaders keeps a single connection from taking all memory.
	mostHeaders = 1 << 20
	leastMemory = 1 << 20
)

// Validate reports every fault of s at once.
func (s *StreamsConfig) Validate() error {
	var errs []error
	if s.MaxHeaders < leastHeaders || s.MaxHeaders > mostHeaders {
		errs = append(errs, fmt.Errorf("`max_headers` must be between %d and %d, found %d", leastHeaders, mostHeaders, s.MaxHeaders))
	}
	if s.MaxMemory < leastMemory {
		errs = append(errs, fmt.Errorf("`max_memory` must be at least %d, found %d", leastMemory, s.MaxMemory))
	}
	return errors.Join(errs...)
}

// LogsConfig says how log records are passed on. It matters only in a logs pipeline.
type LogsConfig struct {
	// MaxDelay is how long a record waits for others. Zero passes on every record by itself.
	MaxDelay time.Duration `mapstructure:"max_delay"`

	// MaxPending is how many records may wait while the next consumer is busy; more are dropped and counted. Zero is
	// refused.
	MaxPending int `mapstructure:"max_pending"`

	_ struct{}
}

// The kinds of histograms.
const (
	histogramExplicit    = "explicit"
	histogramExponential = "exponential"
)

// maxSeries bounds the memory that the kernel reserves for them.
const maxSeries = 65536

// Validate reports every fault of m at once.
func (m *MetricsConfig) Validate() error {
	var errs []error
	if m.Histogram != histogramExplicit && m.Histogram != histogramExponential {
		errs = append(errs, fmt.Errorf("`histogram` must be %q or %q, found %q", histogramExplicit, histogramExponential, m.Histogram))
	}
	if m.MaxSeries < 2 || m.MaxSeries > maxSeries {
		errs = append(errs, fmt.Errorf("`max_series` must be between 2 and %d, found %d", maxSeries, m.MaxSeries))
	}
	errs = append(errs, positiveTime("collection_interval", m.CollectionInterval), notNegative("max_idle", m.MaxIdle))
	return errors.Join(errs...)
}

// bounds returns the buckets for the durations of requests.
func (m *MetricsConfig) bounds() *metrics.Bounds {
	if m.Histogram == histogramExponential {
		return metrics.ExponentialBounds()
	}
	return metrics.RequestBounds()
}

// Validate reports every fault of l at once.
func (l *LogsConfig) Validate() error {
	return errors.Join(notNegative("max_delay", l.MaxDelay), positive("max_pending", l.MaxPending))
}

// notNegative returns an error that names key if value is below zero.
func notNegative(key string, value time.Duration) error {
	if value >= 0 {
		return nil
	}
	return fmt.Errorf("`%s` must not be negative, found %s", key, value)
}
