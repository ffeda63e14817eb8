// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.opentelemetry.io/collector/component"
)

// Config is what a user may set under `ebpf:` in the receivers section. Every default is in [createDefaultConfig].
type Config struct {
	// CgroupRoot is the directory at which cgroup v2 is mounted and at whose top the programs are attached. Empty
	// means: the first cgroup2 mount listed in /proc/self/mountinfo. In a container it must be a mount of the host's
	// hierarchy, or only the container itself is seen.
	CgroupRoot string `mapstructure:"cgroup_root"`

	// Filter says which connections are captured. Its zero value captures all.
	Filter FilterConfig `mapstructure:"filter"`

	// CaptureSelf says whether the sockets of the Collector itself are captured, too. False keeps what it exports over
	// HTTP from becoming spans that it exports again.
	CaptureSelf bool `mapstructure:"capture_self"`

	// DropCapabilities says whether the process gives up CAP_NET_ADMIN, CAP_PERFMON, CAP_SYS_ADMIN and CAP_SYS_RESOURCE for
	// good once the programs are attached. False keeps them. No other component may need them then, and neither can
	// another ebpf receiver start in the process, nor this one again after the configuration was read anew.
	DropCapabilities bool `mapstructure:"drop_capabilities"`

	// RingBufferSize is the size in bytes of the buffer through which the kernel hands over events. A power of two and
	// a multiple of the page size. An event that finds it full is lost and counted. It is locked kernel memory. Zero
	// is refused.
	RingBufferSize int `mapstructure:"ring_buffer_size"`

	// WakeupSize is how many bytes wait in the ring before the kernel wakes the receiver; fewer wait for PollInterval.
	// Waking costs more than an event does. Must be smaller than RingBufferSize. Zero wakes the receiver at every event.
	WakeupSize int `mapstructure:"wakeup_size"`

	// PollInterval is how long an event may wait in the ring while traffic is too low to reach WakeupSize. Zero is
	// refused: without the poll, the last events before a quiet time would wait in the ring until it ends.
	PollInterval time.Duration `mapstructure:"poll_interval"`

	// MaxOpenExchanges is how many exchanges whose end was not seen yet are remembered. One more closes the oldest,
	// which is counted. Zero is refused.
	MaxOpenExchanges int `mapstructure:"max_open_exchanges"`

	// ExchangeTimeout is how long an exchange stays open without a further byte. It is then closed at the last byte
	// that was seen, with error.type `timeout` if no status line was among them. Zero is refused.
	ExchangeTimeout time.Duration `mapstructure:"exchange_timeout"`

	// MaxProcesses is how many processes' names, services and containers are kept in memory; the least recently used
	// goes first and is read again from /proc when needed. Zero is refused.
	MaxProcesses int `mapstructure:"max_processes"`

	// DetectMessages is after how many messages without a known protocol the kernel stops looking at a connection.
	// 1 to 255; zero is refused: it would look at nothing.
	DetectMessages int `mapstructure:"detect_messages"`

	// IdleAfter is how long an HTTP/1 connection is quiet before the kernel frees what it keeps of it, which is about 1 KiB a
	// socket: between once and twice that. It is then detected anew by its next request. Less than a second is refused,
	// but for zero, which frees nothing before the connection ends.
	IdleAfter time.Duration `mapstructure:"idle_after"`

	// CPUBudget is the share of the host's processors that watching may take: the programs in the kernel and this whole
	// process together, from 0 to 1; half of it while all processors are busy. What would cost more is thinned, unless it has
	// failed: spans then stand for several exchanges, and say for how many; metrics stay exact as long as that is enough, see
	// RestConnections. Zero is no limit.
	CPUBudget float64 `mapstructure:"cpu_budget"`

	// RestConnections says what happens when looking at every exchange costs more than CPUBudget although hardly any is
	// told, or when HTTP/2 fills the ring. True follows a part of the connections, those of HTTP/1 in turns: what is seen of
	// them stands for all, and says so, in metrics, too. False looks at all of them, whatever it costs: metrics are always
	// exact, but for what is lost.
	RestConnections bool `mapstructure:"rest_connections"`

	// Batch says how spans are grouped before they are passed on.
	Batch BatchConfig `mapstructure:"batch"`

	// Privacy says what of a message may leave the receiver.
	Privacy PrivacyConfig `mapstructure:"privacy"`

	// Streams says how HTTP/2 connections and TLS handshakes are followed.
	Streams StreamsConfig `mapstructure:"streams"`
	// Causes says whether calls of a process are joined to the requests that it made them for, where that is certain: as
	// parents of spans, and as causes of 5xx in log records. Calls wait for their request within MaxOpenExchanges and
	// ExchangeTimeout. False costs nothing.
	Causes bool `mapstructure:"causes"`

	// Metrics says how metrics are made.
	Metrics MetricsConfig `mapstructure:"metrics"`

	// Logs says how log records are passed on.
	Logs LogsConfig `mapstructure:"logs"`

	// TCP says what is told of TCP connections.
	TCP TCPConfig `mapstructure:"tcp"`

	_ struct{}
}

// BatchConfig bounds what is passed on in one call of the next consumer, in number and in time.
type BatchConfig struct {
	// MaxSpans is the number of spans at which a batch is passed on. Zero is refused.
	MaxSpans int `mapstructure:"max_spans"`

	// Timeout is the age of its first span at which a batch is passed on although it is not full. Zero passes on what
	// is there after every read of the ring.
	Timeout time.Duration `mapstructure:"timeout"`

	_ struct{}
}

var _ component.Config = (*Config)(nil)

const (
	// maxRingBufferSize keeps the buffer's size, which the kernel holds in 32 bits, and twice that, which is what
	// it maps, far from overflow.
	maxRingBufferSize = 1 << 30
	// maxDetectMessages is what the kernel's 8-bit counter of a socket holds.
	maxDetectMessages = 255
)

// createDefaultConfig returns a Config that captures everything on a busy host.
func createDefaultConfig() component.Config {
	return &Config{
		RingBufferSize:   8 << 20,
		WakeupSize:       256 << 10,
		PollInterval:     50 * time.Millisecond,
		MaxOpenExchanges: 65536,
		ExchangeTimeout:  time.Minute,
		MaxProcesses:     4096,
		DetectMessages:   8,
		Causes:           true,
		IdleAfter:        30 * time.Second,
		CPUBudget:        0.05,
		RestConnections:  true,
		Batch:            BatchConfig{MaxSpans: 1024, Timeout: 200 * time.Millisecond},
		Streams:          StreamsConfig{HTTP2: true, TLS: true, MaxHeaders: 16 << 10, MaxMemory: 64 << 20},
		Metrics: MetricsConfig{
			CollectionInterval: time.Minute, Histogram: histogramExplicit, MaxSeries: 2000, MaxIdle: 15 * time.Minute,
		},
		Logs: LogsConfig{MaxDelay: 2 * time.Millisecond, MaxPending: 4096},
		TCP:  TCPConfig{MaxRows: 2048, Logs: true},
	}
}

// Validate reports every fault of c, and of the settings that only make sense together, at once. The Collector calls
// Validate of the nested sections itself.
func (c *Config) Validate() error {
	return errors.Join(
		c.validateRoot(),
		c.validateRing(),
		positive("max_open_exchanges", c.MaxOpenExchanges),
		positiveTime("exchange_timeout", c.ExchangeTimeout),
		positive("max_processes", c.MaxProcesses),
		c.validateDetect(),
		c.validateIdle(),
		c.validateBudget(),
	)
}

// validateRoot checks cgroup_root, and the cgroups that name a path of it.
func (c *Config) validateRoot() error {
	if c.CgroupRoot == "" {
		return nil
	}
	if !filepath.IsAbs(c.CgroupRoot) {
		return fmt.Errorf("`cgroup_root` must be an absolute path, found %q", c.CgroupRoot)
	}
	_, err := c.Filter.CgroupPaths(c.CgroupRoot)
	return err
}

// validateRing checks the settings of the ring buffer.
func (c *Config) validateRing() error {
	var errs []error
	size, page := c.RingBufferSize, os.Getpagesize()
	switch {
	case size <= 0 || size&(size-1) != 0 || size%page != 0:
		errs = append(errs, fmt.Errorf("`ring_buffer_size` must be a power of two and a multiple of the page size %d, found %d", page, size))
	case size > maxRingBufferSize:
		errs = append(errs, fmt.Errorf("`ring_buffer_size` must be at most %d, found %d", maxRingBufferSize, size))
	case c.WakeupSize >= size:
		errs = append(errs, fmt.Errorf("`wakeup_size` must be smaller than `ring_buffer_size` %d, found %d", size, c.WakeupSize))
	}
	if c.WakeupSize < 0 {
		errs = append(errs, fmt.Errorf("`wakeup_size` must not be negative, found %d", c.WakeupSize))
	}
	errs = append(errs, positiveTime("poll_interval", c.PollInterval))
	return errors.Join(errs...)
}

// validateDetect checks detect_messages.
func (c *Config) validateDetect() error {
	if c.DetectMessages < 1 || c.DetectMessages > maxDetectMessages {
		return fmt.Errorf("`detect_messages` must be between 1 and %d, found %d", maxDetectMessages, c.DetectMessages)
	}
	return nil
}

// validateIdle checks idle_after.
func (c *Config) validateIdle() error {
	if c.IdleAfter == 0 || c.IdleAfter >= time.Second {
		return nil
	}
	return fmt.Errorf("`idle_after` must be 0 or at least 1s, found %s", c.IdleAfter)
}

// validateBudget checks cpu_budget.
func (c *Config) validateBudget() error {
	if c.CPUBudget >= 0 && c.CPUBudget <= 1 {
		return nil
	}
	return fmt.Errorf("`cpu_budget` must be between 0 and 1, found %v", c.CPUBudget)
}

// Validate reports every fault of b at once.
func (b *BatchConfig) Validate() error {
	return errors.Join(positive("max_spans", b.MaxSpans), notNegative("timeout", b.Timeout))
}

// positive returns an error that names key unless value is above zero.
func positive(key string, value int) error {
	if value > 0 {
		return nil
	}
	return fmt.Errorf("`%s` must be positive, found %d", key, value)
}

// positiveTime returns an error that names key unless value is above zero.
func positiveTime(key string, value time.Duration) error {
	if value > 0 {
		return nil
	}
	return fmt.Errorf("`%s` must be positive, found %s", key, value)
}
