// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskcrs

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
)

// Config is the configuration of the extension.
type Config struct {
	// ParanoiaLevel is the Core Rule Set's, 1 to 4: higher ones find more, and more that is none. Default 1.
	ParanoiaLevel int `mapstructure:"paranoia_level"`

	// Threshold is the anomaly score at and above which a request counts as an attack: a critical rule adds 5, an error 4,
	// a warning 3, a notice 2. Default 5.
	Threshold int `mapstructure:"threshold"`

	// Workers is the number of requests that are looked at together, at most. Default 1.
	Workers int `mapstructure:"workers"`

	// CPUShare is the share of its time, above 0 and at most 1, that a worker works; then it rests. Default 0.25.
	CPUShare float64 `mapstructure:"cpu_share"`

	// Timeout is when rules are given up for a request; what was found until then counts. It is looked at between groups of
	// rules. Default 20ms.
	Timeout time.Duration `mapstructure:"timeout"`

	// MaxRequestBytes is the size of a request, its texts and 32 bytes a header field, up to which it is looked at. Larger
	// ones are not, since half a request is another request. Default 8192.
	MaxRequestBytes int `mapstructure:"max_request_bytes"`

	// Queue bounds what waits.
	Queue QueueConfig `mapstructure:"queue"`

	_ struct{} // fields are set by name only
}

// QueueConfig bounds the requests that wait. What has no room is counted and not looked at.
type QueueConfig struct {
	// MaxRequests is their number. Default 1024.
	MaxRequests int `mapstructure:"max_requests"`
	// MaxBytes is their size together. Default 1048576.
	MaxBytes int `mapstructure:"max_bytes"`

	_ struct{}
}

// createDefaultConfig is the one place where defaults are set.
func createDefaultConfig() component.Config {
	return &Config{
		ParanoiaLevel:   1,
		Threshold:       5,
		Workers:         1,
		CPUShare:        0.25,
		Timeout:         20 * time.Millisecond,
		MaxRequestBytes: 8192,
		Queue:           QueueConfig{MaxRequests: 1024, MaxBytes: 1 << 20},
	}
}

// Validate reports all faults, each with the setting's key.
func (c *Config) Validate() error {
	var shareErr, sizeErr error
	if !(c.CPUShare > 0 && c.CPUShare <= 1) { // written so that NaN is refused, too
		shareErr = fmt.Errorf("cpu_share: must be above 0 and at most 1, found %v", c.CPUShare)
	}
	if c.Queue.MaxBytes < c.MaxRequestBytes {
		sizeErr = fmt.Errorf("queue::max_bytes: must be at least max_request_bytes (%d), found %d", c.MaxRequestBytes, c.Queue.MaxBytes)
	}
	return errors.Join(
		within("paranoia_level", c.ParanoiaLevel, 1, 4),
		within("threshold", c.Threshold, 1, 1000),
		within("workers", c.Workers, 1, 64),
		shareErr,
		within("timeout", c.Timeout, time.Millisecond, time.Minute),
		within("max_request_bytes", c.MaxRequestBytes, 64, 1<<20),
		within("queue::max_requests", c.Queue.MaxRequests, 1, 1<<20),
		sizeErr,
	)
}

func within[T cmp.Ordered](key string, value, least, most T) error {
	if value < least || value > most {
		return fmt.Errorf("%s: must be %v to %v, found %v", key, least, most, value)
	}
	return nil
}
