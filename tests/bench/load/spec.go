// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Names of the exporters, signals, keys and codecs that a Spec may have.
const (
	Ours    = "ours"
	Contrib = "contrib"

	Logs   = "logs"
	Traces = "traces"

	Plain      = "plain"
	ByTrace    = "by_trace_id"
	ByResource = "by_resource"
)

// Codecs are the compressions that are compared.
func Codecs() []string { return []string{"none", "lz4", "zstd"} }

// Spec says what one run does.
type Spec struct {
	// Exporter is Ours or Contrib.
	Exporter string `json:"exporter"`
	// Signal is Logs or Traces.
	Signal string `json:"signal"`
	// Codec is one of Codecs.
	Codec string `json:"codec"`
	// Key is Plain (one record without a key for each payload), ByTrace or ByResource.
	Key string `json:"key"`
	// Broker and Topic say where to.
	Broker string `json:"broker"`
	Topic  string `json:"topic"`
	// Callers is the number of goroutines that call the exporter. Must be positive.
	Callers int `json:"callers"`
	// Linger is how long contrib's exporter waits for more records before it sends a batch; 0 is not at all. Ours has
	// no such setting: it batches what gathers while its pipeline is full.
	Linger time.Duration `json:"linger"`
	// Items is the number of items of a payload, all of one resource; 0 is a payload of a busy node's batch processor.
	Items int `json:"items"`
	// Rate is how many payloads are sent a second; 0 is as many as the exporter takes.
	Rate int `json:"rate"`
	// Timeout bounds one call of the exporter; 0 is 30 seconds.
	Timeout time.Duration `json:"timeout"`
	// Warmup is run and not measured, Duration is.
	Warmup   time.Duration `json:"warmup"`
	Duration time.Duration `json:"duration"`
}

// Validate reports all faults at once.
func (s Spec) Validate() error {
	return errors.Join(
		oneOf("exporter", s.Exporter, Ours, Contrib),
		oneOf("signal", s.Signal, Logs, Traces),
		oneOf("codec", s.Codec, Codecs()...),
		oneOf("key", s.Key, Plain, ByTrace, ByResource),
		positive("callers", int64(s.Callers)),
		positive("duration", int64(s.Duration)),
		positive("items", int64(s.Items)+1),
		positive("rate", int64(s.Rate)+1),
		s.possible(),
	)
}

// possible refuses what contrib's exporter cannot do.
func (s Spec) possible() error {
	if s.Exporter == Contrib && s.Signal == Traces && s.Key == ByResource {
		return errors.New("contrib's exporter cannot key traces by resource")
	}
	return nil
}

func oneOf(key, found string, names ...string) error {
	if !slices.Contains(names, found) {
		return fmt.Errorf("`%s` must be one of %q, found %q", key, names, found)
	}
	return nil
}

func positive(key string, found int64) error {
	if found <= 0 {
		return fmt.Errorf("`%s` must be positive, found %d", key, found)
	}
	return nil
}

// settings is the exporter's configuration. Both exporters read the same text.
func (s Spec) settings() map[string]any {
	timeout := s.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	settings := map[string]any{
		"brokers":          []string{s.Broker},
		"timeout":          timeout.String(),
		"sending_queue":    map[string]any{"enabled": false},
		"retry_on_failure": map[string]any{"enabled": false},
		"producer":         map[string]any{"required_acks": -1, "compression": s.Codec},
		s.Signal:           map[string]any{"topic": s.Topic, "encoding": "otlp_proto"},
	}
	if s.Exporter == Contrib {
		settings["producer"].(map[string]any)["linger"] = s.Linger.String()
	}
	switch s.Key {
	case ByTrace:
		settings[map[string]string{Logs: "partition_logs_by_trace_id", Traces: "partition_traces_by_id"}[s.Signal]] = true
	case ByResource:
		settings["partition_"+s.Signal+"_by_resource_attributes"] = true
	}
	return settings
}
