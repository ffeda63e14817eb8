// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver"
)

// agentRole is the argument that makes this program the receiver that is measured.
const agentRole = "agent"

// account is what an agent says at its end.
type account struct {
	Spans    int64            `json:"spans"`
	Points   int64            `json:"points"`
	Metrics  map[string]int64 `json:"metrics"`  // of its own telemetry
	Streams  map[string]int64 `json:"streams"`  // of these and of what degrades, the reasons that concern streams
	Followed float64          `json:"followed"` // share of the connections, at the end; 0: there is no budget
}

// runAgent runs the receiver until in ends, and then writes its account.
func runAgent(ctx context.Context, in io.Reader, out io.Writer, args []string) error {
	flags := flag.NewFlagSet(agentRole, flag.ContinueOnError)
	signals := flags.String("signals", "traces", "traces, metrics or both")
	settings := flags.String("set", "{}", "settings as JSON")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("read command line: %w", err)
	}
	factory := ebpfreceiver.NewFactory()
	cfg := factory.CreateDefaultConfig()
	var overrides map[string]any
	if err := json.Unmarshal([]byte(*settings), &overrides); err != nil {
		return fmt.Errorf("read settings: %w", err)
	}
	if err := confmap.NewFromStringMap(overrides).Unmarshal(cfg); err != nil {
		return fmt.Errorf("apply settings: %w", err)
	}
	telemetry := componenttest.NewTelemetry()
	set := receiver.Settings{ID: component.NewID(factory.Type()), TelemetrySettings: telemetry.NewTelemetrySettings()}
	var a account
	r, err := createReceiver(ctx, factory, set, cfg, *signals, &a)
	if err != nil {
		return err
	}
	if err := r.Start(ctx, componenttest.NewNopHost()); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, "ready"); err != nil {
		return fmt.Errorf("say ready: %w", err)
	}
	_, _ = io.Copy(io.Discard, in)
	a.Metrics, a.Streams = map[string]int64{}, map[string]int64{}
	for _, name := range []string{"requests", "lost", "thinned", "degraded"} {
		for reason, value := range byReason(telemetry, "otelcol_receiver_ebpf_"+name) {
			a.Metrics[name] += value
			if strings.HasPrefix(reason, "stream_") {
				a.Streams[reason] += value
			}
		}
	}
	if m, err := telemetry.GetMetric("otelcol_receiver_ebpf_followed"); err == nil {
		if gauge, ok := m.Data.(metricdata.Gauge[float64]); ok && len(gauge.DataPoints) > 0 {
			a.Followed = gauge.DataPoints[0].Value
		}
	}
	if err := r.Shutdown(ctx); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(&a)
}

// createReceiver makes the receiver with consumers that only count.
func createReceiver(ctx context.Context, factory receiver.Factory, set receiver.Settings, cfg component.Config, signals string, a *account) (r component.Component, err error) {
	traces, err := consumer.NewTraces(func(_ context.Context, batch ptrace.Traces) error {
		atomic.AddInt64(&a.Spans, int64(batch.SpanCount()))
		return nil
	})
	if err != nil {
		return nil, err
	}
	metrics, err := consumer.NewMetrics(func(_ context.Context, batch pmetric.Metrics) error {
		atomic.AddInt64(&a.Points, int64(batch.DataPointCount()))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if strings.Contains(signals, "metrics") {
		if r, err = factory.CreateMetrics(ctx, set, cfg, metrics); err != nil {
			return nil, err
		}
	}
	if strings.Contains(signals, "traces") {
		return factory.CreateTraces(ctx, set, cfg, traces)
	}
	return r, nil
}

// byReason returns the values of an instrument of the receiver that are not 0, by their reason; none if it has none.
func byReason(telemetry *componenttest.Telemetry, name string) map[string]int64 {
	values := map[string]int64{}
	m, err := telemetry.GetMetric(name)
	if err != nil {
		return values
	}
	if sum, ok := m.Data.(metricdata.Sum[int64]); ok {
		for _, p := range sum.DataPoints {
			if reason, _ := p.Attributes.Value("reason"); p.Value != 0 {
				values[reason.AsString()] += p.Value
			}
		}
	}
	return values
}

// agent is a child that runs the receiver.
type agent struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   *bufio.Reader
}

// startAgent returns when the receiver sees the host.
func startAgent(ctx context.Context, signals, settings string) (*agent, error) {
	return startAgentOf(ctx, "", signals, settings)
}

// startAgentOf starts that of another build of this program; the empty name is this one.
func startAgentOf(ctx context.Context, binary, signals, settings string) (*agent, error) {
	if binary == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		binary = self
	}
	cmd := exec.CommandContext(ctx, binary, agentRole, "-signals", signals, "-set", settings)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start agent: %w", err)
	}
	a := &agent{cmd: cmd, stdin: stdin, out: bufio.NewReader(stdout)}
	if line, err := a.out.ReadString('\n'); err != nil || line != "ready\n" {
		return nil, fmt.Errorf("start agent: said %q: %w", line, cmd.Wait())
	}
	return a, nil
}

// stop ends the agent and returns its account.
func (a *agent) stop() (said account, err error) {
	if err := a.stdin.Close(); err != nil {
		return said, err
	}
	if err := json.NewDecoder(a.out).Decode(&said); err != nil {
		return said, fmt.Errorf("read account of agent: %w", err)
	}
	if err := a.cmd.Wait(); err != nil {
		return said, fmt.Errorf("end agent: %w", err)
	}
	return said, nil
}
